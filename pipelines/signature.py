"""The parameters of a pipeline, collected from its components: a setting is told by its component and nowhere else.

kfp reads names, types and defaults of a pipeline from its signature, descriptions from its docstring, and calls it with
one channel for each parameter. Here all three are made, and the body takes the channels as one object.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

OPTIONS = "options"
"""What components call their further settings; a pipeline tells them apart as `<component>_options`."""

REQUIRED = inspect.Parameter.empty


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: its type as kfp reads it, a description in one line, and a default unless it is required."""

    kind: Any
    description: str
    default: Any = REQUIRED


class Parameters(Mapping[str, Parameter]):
    """Parameters by name, in the order of the README."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._parameters = dict(parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __or__(self, others: Mapping[str, Parameter]) -> Parameters:
        """Both; where they share a name, the description of the left one.

        Raises:
            ValueError: If they share a name with another type or default.
        """
        for name in self.keys() & others.keys():
            mine, other = self[name], others[name]
            if (mine.kind, mine.default) != (other.kind, other.default):
                raise ValueError(f"{name}: expected one type and default, found {mine} and {other}")
        return Parameters({**self, **others, **self})

    def without(self, *names: str) -> Parameters:
        """The others.

        Raises:
            KeyError: If there is no parameter of a name.
        """
        left = dict(self)
        for name in names:
            del left[name]
        return Parameters(left)

    def required(self) -> Parameters:
        """The same without defaults, for a pipeline that only other pipelines call."""
        return Parameters({name: dataclasses.replace(one, default=REQUIRED) for name, one in self.items()})

    def with_defaults(self, **defaults: Any) -> Parameters:
        """The same with other defaults.

        Raises:
            KeyError: If there is no parameter of a name.
        """
        changed = {name: dataclasses.replace(self[name], default=default) for name, default in defaults.items()}
        return Parameters({**self, **changed})


def of_components(*components: Any) -> Parameters:
    """The parameters that components take, artifacts left out; further settings after all others.

    Args:
        components: Lightweight components of kfp, whose inputs are all described.

    Returns:
        Parameters, those of the first component first.

    Raises:
        ValueError: If components differ in type or default of a parameter.
    """
    found, options = Parameters({}), Parameters({})
    for component in components:
        signature = inspect.signature(component.python_func).parameters
        for name, given in component.component_spec.inputs.items():
            if _is_artifact(given):
                continue
            one = {_outer(component, name): _parameter(signature[name], given.description)}
            if name == OPTIONS:
                options |= one
            else:
                found |= one
    return found | options


class Channels:
    """What kfp hands to a pipeline: a channel for each parameter, by its name."""

    def __init__(self, channels: Mapping[str, Any]) -> None:
        self._channels = dict(channels)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._channels[name]
        except KeyError:
            raise AttributeError(f"the pipeline has no parameter {name!r}") from None

    def to(self, component: Any, **others: Any) -> dict[str, Any]:
        """What a component or an inner pipeline takes of them, by its own names.

        Args:
            component: What kfp made of the function.
            others: What it takes from elsewhere: artifacts, items of a loop, outputs of tasks.

        Returns:
            Keyword arguments; an input that is neither here nor there is left to its default.
        """
        names = [name for name in component.component_spec.inputs if _outer(component, name) in self._channels]
        return {name: self._channels[_outer(component, name)] for name in names} | others


def takes(parameters: Parameters) -> Callable[[Callable[[Channels], None]], Callable[..., None]]:
    """Make the function that `dsl.pipeline` reads of a body that takes all channels as one object.

    Args:
        parameters: Parameters of the pipeline.

    Returns:
        Decorator; the body's docstring, without `Args`, begins that of the pipeline.
    """

    def decorate(body: Callable[[Channels], None]) -> Callable[..., None]:
        ordered = dict(sorted(parameters.items(), key=lambda item: item[1].default is not REQUIRED))

        def pipeline(*channels: Any) -> None:
            body(Channels(dict(zip(ordered, channels, strict=True))))

        pipeline.__name__, pipeline.__module__ = body.__name__, body.__module__
        either = inspect.Parameter.POSITIONAL_OR_KEYWORD
        pipeline.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, either, default=one.default, annotation=one.kind) for name, one in ordered.items()]
        )
        pipeline.__annotations__ = {name: one.kind for name, one in ordered.items()}
        lines = [f"    {name}: {one.description}" for name, one in ordered.items()]
        pipeline.__doc__ = "\n".join([inspect.getdoc(body) or "", "", "Args:", *lines, ""])
        return pipeline

    return decorate


def _parameter(signature: inspect.Parameter, description: str | None) -> Parameter:
    return Parameter(signature.annotation, " ".join((description or "").split()), signature.default)


def _outer(component: Any, name: str) -> str:
    """What a pipeline calls the input of a component."""
    function = getattr(component, "python_func", None)
    return f"{function.__name__}_{name}" if function is not None and name == OPTIONS else name


def _is_artifact(given: Any) -> bool:
    return "@" in str(given.type)  # such as system.Dataset@0.0.1
