"""What an error of Python's or PyTorch's means to somebody who meets it for the first time: its usual cause, in words.

The error itself is quoted by the check; here is only what follows it. Where nothing is known, nothing is said.
"""

from __future__ import annotations

import re
import traceback
from difflib import get_close_matches

# Sought in "TypeError: its message | the student's line"; the first that is found speaks. \1 stands for what it caught.
MEANINGS: dict[str, str] = {
    r"Boolean value of Tensor with more than one value": (
        "A tensor holds many numbers, so `if`, `and` and `or` cannot ask it one question. Write torch.where or an "
        "index, and join conditions by | and &, each in brackets: (a == 0) | (a == 255)."
    ),
    r"size of tensor a .* \|.*[\w)\]]\.T\b": (
        "`.T` turns all the axes round, the batch too. `.mT` turns the last two only."
    ),
    r"t\(\) expects a tensor with <= 2": "In a batch, `.mT` turns the last two axes round.",
    r"size of tensor a .* \|.*\bcat\(": "cat puts things end to end. To add them up: sum(…), or torch.stack(…).sum(0).",
    r"Supports 1D or 2D tensors. Got 0D": (
        "sum() and mean() without an axis leave one number; sum(0) adds up what lies on a stack."
    ),
    r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)": (
        r"Shapes are lined up from their ends, and there \1 met \2. An axis of length 1 would fit anything: "
        "[:, None] makes one, keepdim=True keeps one."
    ),
    r"Expected size for first two dimensions of batch2|shapes cannot be multiplied|inconsistent tensor size": (
        "`@` multiplies matrices: the left one's last axis must be as long as the right one's last but one. `.mT` "
        "turns a matrix round; `*` multiplies number by number."
    ),
    r"shape '.*' is invalid for input of size (\d+)": (
        r"`view` sorts numbers, it makes and drops none. Count them: why are there \1?"
    ),
    r"view size is not compatible": "The numbers do not lie in that order in memory: use .reshape, which copies.",
    r"Given groups=\d+, (expected )?weight": (
        "A weight's second number says how many channels it reads: those that come in, divided by `groups`, which is 1 "
        "unless told. Depthwise: groups=C, and a weight (C, 1, height, width)."
    ),
    r"argument 'padding' .*float": "5 / 2 is 2.5, and there are no half zeros: 5 // 2 is 2.",
    r"step must be greater than zero": "A tensor cannot be read backwards by ::-1. Use .flip(-1).",
    r"does not support bool input": "argmax wants numbers, not True and False: .int().argmax().",
    r"Class values must be smaller than num_classes": "There are larger labels than one_hot was told of.",
    r"without overflow": "That number type is too small for 255: int64, .long(), has room.",
    r"\|.*arg(max|min)\(\)": "argmax() without a dim looks through the whole tensor at once: say along which axis.",
    r"only integer tensors of a single element can be converted": (
        "A list cannot be indexed by a tensor. Make a tensor of the list first: torch.tensor(…)[…]."
    ),
    r"index -?\d+ is out of bounds|index out of range": (
        "There are not so many. Is a size of the example written in as a number, or was counted along another axis?"
    ),
    r"(too many|not enough) values to unpack": (
        "Left and right of the `=` stand different numbers of things. (Of a shape: is there an axis more, or one less?)"
    ),
    r"Target 255 is out of bounds": "255 is no class, it marks pixels without a label: ignore_index=255.",
    r"target dtype to be Long|floating point type for target": (
        "The order is cross_entropy(logits, labels): bare logits (B, K, H, W), then whole numbers (B, H, W)."
    ),
    r"not implemented for 'Bool'": "This works on numbers, not on True and False: .float() first, > 0 afterwards.",
    r"condition to be a boolean tensor": "The mask holds numbers: `mask > 0` makes True and False of them.",
    r"same number of spatial dimensions|Got 3D input, but bilinear": (
        "F.interpolate wants (B, C, h, w), and as size the last two axes alone. [None, None] adds two axes in front."
    ),
    r"but linear mode needs 3D": 'mode="linear" is for signals. For pictures it is "bilinear".',
    r"Sizes of tensors must match except in dimension 0": "cat joins along dim=0, the batch, unless it is told dim=1.",
    r"stack expects each tensor to be equal size": (
        "stack lays equal tensors on top of each other, along a new axis. cat joins along an axis that is there."
    ),
    r"cat\(\) takes from 1 to 2 positional|cat\(\): argument 'tensors' .* not Tensor": (
        "cat takes one list: cat([a, b], dim=1)."
    ),
    r"(sum|stack)\(\): argument '\w+' \(position 1\) must be": (
        "torch.sum wants one tensor. For a list or a loop there is Python's own sum(…), or torch.stack first."
    ),
    r"mean\(\): could not infer output dtype": "Whole numbers have no mean of their own kind: .float() first.",
    r"Could not infer dtype of dict": "Make a list of it first: torch.tensor(list(…)).",
    r"Can't call numpy\(\)": "Stay with tensors: NumPy knows nothing of gradients.",
    r"modified (inplace|by an inplace)|view of a leaf|leaf Variable that requires grad|being modified inplace": (
        "Something is changed in place (`*=`, `+=`, `[…] =`) that is still needed as it was. Make a new one: x = x * …"
    ),
    r"does not require grad and does not have a grad_fn": (
        "Gradients were cut off on the way, by no_grad(), detach(), .data or .item()."
    ),
    r"not have been used in the graph": (
        "The score was not made from this tensor. A detach() or clone() makes another one: ask for the one you got."
    ),
    r"grad can be implicitly created only for scalar": (
        "The order is grad(score, features): first what is derived, one number, then by what."
    ),
    r"backward through the graph a second time": "One backward is enough: it uses up the graph.",
    r"'float' object has no attribute 'backward'": (
        "`.item()` makes a plain number, which has forgotten where it came from. Call it at the very end."
    ),
    r"'tuple' object has no attribute": "Several things came at once. Take them apart: (a,) = … or a, b = …",
    r"'NoneType' object has no attribute": (
        "What stands before that dot is None. backward() returns nothing, and .grad is empty before it."
    ),
    r"'int' object has no attribute": "A loop over a dictionary gives its keys; .values() and .items() give the rest.",
    r"'list' object is not callable": "That is a list of modules. Call them one by one, in a loop.",
    r"unsupported operand type.*(Conv2d|Module|Linear)": "A module is called, like a function: module(x).",
    r"can only concatenate str": "Numbers out of a text are text still: int(…) makes a number of one.",
    r"object too deep": "bincount wants one flat row of numbers: labels[…] with a condition gives one, or .ravel().",
    r"Cannot cast array data from .*float|cannot be safely|expected an integer": "Whole numbers are needed here.",
    r"ZeroDivisionError": "What stands below the line became 0. See to that case first. (A tensor would give NaN.)",
    r"must have the same dtype|expected scalar type|to have the same dtype": (
        "Number types are mixed. New tensors take the type they are given: torch.zeros(…, dtype=x.dtype)."
    ),
    r"permute\(sparse_coo\)": "Are two arguments swapped? One has an axis fewer than the other.",
    r"SystemExit": "exit() ends Python itself. To end a function, return.",
    r"RecursionError": "The function calls itself, and so for ever. Is it named like the one that it should use?",
    r"takes .* positional arguments? but|missing \d+ required positional": (
        "Leave the line with `def` as it was: the check hands over what stands in it."
    ),
}


def meaning(error: BaseException, line: str) -> str:
    """What this error usually means, as a sentence after a blank; nothing where we cannot say. `line` is the line."""
    if isinstance(error, NameError | AttributeError):
        return near_miss(error) or known(error, line)
    return known(error, line)


def known(error: BaseException, line: str) -> str:
    text = f"{type(error).__name__}: {error} | {line}".replace("\n", " ")
    found = ((re.search(pattern, text), sentence) for pattern, sentence in MEANINGS.items())
    return next((" " + match.expand(sentence) for match, sentence in found if match), "")


def near_miss(error: NameError | AttributeError) -> str:
    """The name that was probably meant, as Python itself suggests one below a traceback."""
    if isinstance(error, AttributeError):
        names = dir(error.obj)
    else:
        last = list(traceback.walk_tb(error.__traceback__))[-1][0]
        names = [*last.f_locals, *last.f_globals]
    names = [name for name in names if not name.startswith("_")]
    near = get_close_matches(error.name or "", names, n=1, cutoff=0.65)
    if near:
        return f" Did you mean `{near[0]}`?"
    return " Nothing has that name here. Is it spelt as above, and was its cell run?" * isinstance(error, NameError)
