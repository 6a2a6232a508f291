"""Run as a program: cells in a Jupyter kernel of this Python, and what they show, as JSON.

A program of its own, because the sockets of a kernel's client outlive a test.
"""

import json
import sys

TIMEOUT = 300  # seconds; a kernel that answers at all does so in one or two


def run_cells(cells, names):
    """Run cells; return what each showed, and what Shift-Tab shows of some names."""
    from jupyter_client.manager import run_kernel

    outputs = []
    with run_kernel(kernel_name="python3", startup_timeout=TIMEOUT) as client:
        for code in cells:
            shown = []
            client.execute_interactive(
                code,
                output_hook=lambda message, shown=shown: shown.append(message),
                allow_stdin=False,
                timeout=TIMEOUT,
            )
            outputs.append(
                [
                    {"kind": message["msg_type"], "content": message["content"]}
                    for message in shown
                    if message["msg_type"] in ("stream", "display_data", "execute_result", "error")
                ]
            )
        tips = {}
        for name in names:
            reply = client.inspect(name, len(name), reply=True, timeout=TIMEOUT)
            tips[name] = reply["content"]["data"].get("text/plain", "")
    return {"outputs": outputs, "tips": tips}


if __name__ == "__main__":
    json.dump(run_cells(**json.load(sys.stdin)), sys.stdout)
