"""`neuroflare simulate` with the command line of nvflare's simulator: NEUROFLARE_COMMAND, a JSON list, says how it is started."""

import argparse
import json
import os
import re
import sys


def define_simulator_parser(parser):
    parser.add_argument("job_folder")
    parser.add_argument("-w", "--workspace")
    parser.add_argument("-n", "--n_clients", type=int)
    parser.add_argument("-c", "--clients")
    parser.add_argument("-t", "--threads", type=int)
    parser.add_argument("-gpu", "--gpu")
    parser.add_argument("-l", "--log_config")
    parser.add_argument("-m", "--max_clients", type=int)
    parser.add_argument("--end_run_for_all", action="store_true")


def _words(given):
    words = ["simulate", given.job_folder]
    named = {
        "--workspace": given.workspace,
        "--n-clients": None if given.clients else given.n_clients,
        # A list of Python as text, or names with commas.
        "--clients": given.clients and ",".join(re.findall(r"[^\s,\[\]'\"]+", given.clients)),
        "--threads": given.threads,
        # Groups of devices by site, `[0,1],[2]`: here sites take turns on all of them.
        "--gpu": given.gpu and ",".join(re.findall(r"\d+", given.gpu)),
        "--max-clients": given.max_clients,
    }
    for name, value in named.items():
        if value is not None:
            words += [name, str(value)]
    return words if given.log_config in (None, "concise") else words + ["--log-config", "full"]


def run_simulator(given):
    here = os.path.dirname(os.path.abspath(__file__))
    environment = dict(os.environ)
    environment.setdefault("NEUROFLARE_PYTHON", sys.executable)
    folders = [folder for folder in environment.get("PYTHONPATH", "").split(os.pathsep) if folder and folder != here]
    environment["PYTHONPATH"] = os.pathsep.join(folders)
    command = json.loads(environment["NEUROFLARE_COMMAND"]) + _words(given)
    sys.stdout.flush()
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    define_simulator_parser(parser)
    run_simulator(parser.parse_args())
