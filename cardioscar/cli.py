"""The command line: `cardioscar <command>`. Only the command that is asked for is imported, so that help is instant."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import PurePath

from cardioscar import __version__
from cardioscar.errors import DEBUG_VARIABLE
from cardioscar.stages.families import WORKFLOWS

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "reconstruct a cohort on this machine: all stages, reports, table"),
    "study": ("study", "one patient with every modality: scar map, LV function, activation, plan"),
    "lge": ("lge", "late enhancement: find wall, cavity and scar"),
    "mesh": ("mesh", "make a volumetric LV mesh from labels or from a closed surface"),
    "slices": ("slices", "cut a sparse stack from a dense volume"),
    "apply": ("apply", "carry a scar map to another mesh of the same heart"),
    "export": ("export", "a map in the forms of other tools: DICOM, NIfTI, openCARP, ParaView, BIDS"),
    "phantom": ("phantom", "write a cohort of phantoms with known truth"),
    "registry": ("registry", "find, show and load recorded models (MLflow)"),
    "explain": ("explain", "why a subject has its verdict, or why it failed"),
    "compare": ("compare", "two runs of one cohort, subject by subject"),
    "sign-off": ("sign_off", "a person's word on a subject's result"),
    "doctor": ("doctor", "what this machine has: versions, GPU, disk, rendering, services"),
    "completion": ("completion", "what makes a shell complete commands, flags and files"),
    "erase": ("erase", "remove a subject from results, artifacts and MLflow"),
    "pseudonym": ("pseudonym", "keyed pseudonyms of the record numbers on standard input"),
    "submit": ("submit", "run the cohort pipeline on Kubeflow, now or on a schedule"),
    "lvquant": ("lvquant", "quantify the left ventricle in cine MR: volumes, EF, indices, phase"),
    "train-prior": ("train_prior", "learn once for all subjects: a cohort's network, or synthetic scars"),
    "pipeline": ("pipeline", "upload compiled pipelines to Kubeflow, list them"),
    "activation": ("activation", "late activation: strain, onset, map, sites for a lead"),
    "list-subjects": ("stage", "stage: the cohort's subjects in shards"),
    **{stage.command: ("stage", f"stage: {stage.in_short}") for workflow in WORKFLOWS for stage in workflow},
    "summarize-cohort": ("stage", "stage: cohort table, report and verdict"),
}

EXIT_CODES = """exit codes:
  0  done
  1  the cohort was rejected (see --max-failed-fraction), or a submitted run failed
  2  wrong usage, configuration or input
  3  the platform failed: output not writable, disk full, memory, missing software, MLflow
  4  the tracking server, the object store or Kubeflow did not answer; finished results are kept
  70  a fault of cardioscar itself; `cardioscar --debug COMMAND …` shows where
  129  the terminal was closed (SIGHUP); the same command goes on
  130  interrupted (ctrl-c); the same command goes on
  143  ended by a SIGTERM; the same command goes on"""


class Terminated(KeyboardInterrupt):
    """Somebody asked the process to end: all ends as it does at ctrl-c.

    Args:
        number: Signal by which it was asked.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Words after `cardioscar`; default those of the process.

    Returns:
        Exit code, see `EXIT_CODES`.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] == "--debug":
        os.environ[DEBUG_VARIABLE] = "1"
        words = words[1:]
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(_help())
        return 0
    if words[0] == "--version":
        sys.stdout.write(f"cardioscar {__version__}\n")
        return 0
    if words[0] not in COMMANDS:
        from difflib import get_close_matches

        near = get_close_matches(words[0], COMMANDS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        sys.stderr.write(f"cardioscar: no command '{words[0]}'{hint} See cardioscar --help.\n")
        return 2
    module = import_module(f"cardioscar.commands.{COMMANDS[words[0]][0]}")
    return _guarded(module, words)


def _guarded(module: object, words: list[str]) -> int:
    """Turn errors that have a cause outside the program into one line and an exit code."""
    from cardioscar.errors import CardioscarError, InputError, PlatformError, UnreachableError
    from cardioscar.files.modes import private_files
    from cardioscar.files.private_folder import remove_leftovers

    try:
        remove_leftovers()
        with _ends_when_asked(), private_files():
            return int(module.main(words[0], words[1:]))  # type: ignore[attr-defined]
    except InputError as error:
        code, message = 2, str(error)
    except PlatformError as error:
        code, message = 3, str(error)
    except UnreachableError as error:
        code, message = 4, str(error)
    except CardioscarError as error:
        code, message = 1, str(error)
    except BrokenPipeError:
        # who reads the output (`| head`) has seen enough; at its end Python flushes the rest into nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    except OSError as error:
        code, message = 3, f"{PurePath(str(error.filename or 'file')).name}: {error.strerror or 'cannot be used'}"
    except Terminated as asked:
        what = "SIGTERM" if asked.number == signal.SIGTERM else "SIGHUP"
        code, message = 128 + asked.number, f"ended by a {what}; run the same command again to go on"
    except KeyboardInterrupt:
        code, message = 130, "interrupted; run the same command again to go on"
    except Exception as error:  # noqa: BLE001 - one clear line, and a code that no verdict shares
        code, message = 70, _unforeseen(error)
    from cardioscar.identity.printable_text import printable
    from cardioscar.identity.spoken_names import without_user_names

    # line by line: some messages list what is wrong
    sys.stderr.write("\n".join(map(printable, f"cardioscar: {without_user_names(message)}".split("\n"))) + "\n")
    return code


@contextmanager
def _ends_when_asked() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command in order: workers are ended, copies of images removed, locks freed.

    What somebody else has said about a signal (`nohup`) stays.
    """
    import threading

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # asked twice, it ends at once
        raise Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # somebody else's process
        return
    ours = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _unforeseen(error: Exception) -> str:
    """Name a fault of the program by its kind and place; its text may quote what identifies people."""
    import traceback

    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "cardioscar" in PurePath(frame.filename).parts] or frames
    place = f"{PurePath(own[-1].filename).name}:{own[-1].lineno}" if own else "an unknown place"
    return f"unforeseen {type(error).__name__} at {place}; a fault of cardioscar itself (--debug shows the traceback)"


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    return (
        f"cardioscar {__version__}: 3D myocardial scar maps, with uncertainty, from sparse LGE-MRI slices.\n"
        f"Research use only; not a medical device.\n\nusage: cardioscar [--debug] COMMAND [OPTIONS]   "
        f"(cardioscar COMMAND --help)\n\ncommands:\n{lines}\n\n{EXIT_CODES}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
