"""Run the Python blocks of a page one after the other; every line of the input is one, as JSON."""

import contextlib
import io
import json
import sys
import traceback
import warnings

if __name__ == "__main__":
    warnings.simplefilter("error")  # an example that warns is no example
    names: dict[str, object] = {"__name__": "__main__"}
    for line in sys.stdin:
        where, code = json.loads(line)
        printed, failure = io.StringIO(), ""
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(code, where, "exec"), names)
        except BaseException:
            failure = traceback.format_exc()
        print(json.dumps([printed.getvalue(), failure]), flush=True)
