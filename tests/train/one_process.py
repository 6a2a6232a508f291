"""One process of `test_processes`: a step of each stage, its gradients written to a file."""

import json
import sys

import torch
from safetensors.torch import save_file

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.train.distributed import joined
from astroclip_astro.train.loop import Loop, datasets, in_parallel, one_step, optimiser_of
from astroclip_astro.train.runner import KINDS, Training, split
from astroclip_astro.train.settings import AlignSettings, ImageSettings, SpectrumSettings
from astroclip_astro.training_data.batches import batches
from astroclip_astro.training_data.training_set import open_training_set

SETTINGS = {"spectrum": SpectrumSettings, "image": ImageSettings, "align": AlignSettings}


def main(tasks):
    torch.set_num_threads(1)
    with joined(torch.device("cpu")) as processes:
        for given in tasks:
            step(given, processes)


def step(given, processes):
    torch.manual_seed(3)
    model = AstroCLIP(Configuration.from_dict(given["model"]))
    stage = KINDS[given["stage"]](model, SETTINGS[given["stage"]](**given["settings"]))
    training_set = open_training_set(given["data"], stage.needs)
    data = split(training_set, Training(data=given["data"], output="."), stage.settings.batch_size)
    loop = Loop(processes, torch.float32, 5, 1e9, lambda *_: None)
    network = in_parallel(stage) if processes.count > 1 else stage
    optimiser = optimiser_of(stage)
    with batches(
        training_set,
        data.rows,
        datasets(stage, training_set),
        size=stage.settings.batch_size,
        seed=5,
        part=processes.rows(stage.settings.batch_size),
    ) as stream:
        row = one_step(network, stage, optimiser, next(stream), 0, loop)
    gradients = {n: p.grad for n, p in stage.named_parameters() if p.grad is not None}
    gradients |= {n: b.float() for n, b in stage.named_buffers()}  # the queue, statistics
    gradients["loss"] = torch.tensor(row["loss"])
    save_file(gradients, f"{given['output']}.{processes.rank}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
