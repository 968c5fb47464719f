"""The exercises' checks catch wrong answers: a sample of the mutants that tests/tools/mutants.py runs."""
import pytest
from tools import equal_mutants, mutants
from tools.mutate import mutants as mutate

from lessons.check import NOT_YET, PASSED

SAMPLE, SEED = 30, 0  # of about 2,800, in all lessons
SLOW = {"shapes", "block_parameters"}  # they build models: the tool checks them, and all mutants


@pytest.fixture(scope="module")
def exercises():
    return [exercise for exercise in mutants.exercises([]) if exercise.name not in SLOW]


def lines(body: str, arguments: str = "x") -> set[str]:
    """The changed lines of a function's mutants."""
    return {mutant.after for mutant in mutate(f"def f({arguments}):\n    {body}\n")}


@pytest.mark.parametrize("body, after", [
    ("return x[1:3]", "return x[2:3]"),                            # off by one
    ("return range(x)", "return range(x + 1)"),
    ("return x.sum(dim=-1)", "return x.sum(dim=-2)"),              # the wrong axis
    ("return x.sum(axis=0)", "return x.sum(axis=1)"),
    ("return f(x, y)", "return f(y, x)"),                          # swapped
    ("return x - y", "return y - x"),
    ("return x > y", "return x >= y"),
    ("return x + y", "return x - y"),
    ("return x * y", "return x / y"),
    ("return x // y", "return -(-x // y)"),                        # ceil for floor
    ("return [y for y in x]", "return [y for y in list(x)[:1]]"),  # the first alone
    ("return x.clamp(min=0)", "return x"),                         # left out
    ("return max(x, y)", "return x"),
    ("return x and y", "return x or y"),
    ("return not x", "return x"),
    ("x += y", "x = y"),
])
def test_a_rule_makes_the_slip_that_it_is_for(body, after):
    assert after in lines(body)


def test_a_mutant_is_no_copy_and_docstrings_stay():
    found = mutate('def f(x):\n    """1 + 1."""\n    return x[0]\n')
    assert {mutant.after for mutant in found} == {"return x[1]", "return x[-1]", "pass"}
    assert all('"""1 + 1."""' in mutant.source for mutant in found)


def test_answers_written_from_the_stubs_alone_pass(exercises):
    for exercise in exercises:
        result = exercise.check(exercise.solution)
        assert result.state == PASSED, f"{exercise.lesson} {exercise.name}: {result.message}"


def test_no_mutant_of_a_seeded_sample_passes(exercises):
    for exercise, mutant in mutants.sample(exercises, SAMPLE, SEED):
        state = exercise.check(exercise.build(mutant)).state
        assert state != PASSED, f"{exercise.lesson} {exercise.name} passes with {mutant}"


def test_a_mutant_that_is_worth_a_case_is_caught_with_the_smallest(exercises):
    """Squares that the stub calls "the first on a tie": without such a case, the last would pass."""
    match, = [exercise for exercise in exercises if exercise.name == "match_patches"]
    mutant, = [each for each in match.mutants() if "overlap >= best" in each.after]
    result = match.check(match.build(mutant))
    assert result.state == NOT_YET and "(25, 25, 50, 50), (25, 25, 50, 50)" in result.message


def test_every_equal_mutant_is_one_of_its_exercise_and_has_a_reason(exercises):
    made = {f"{exercise.lesson}-{exercise.name}": {mutant.after for mutant in exercise.all_mutants()}
            for exercise in exercises if f"{exercise.lesson}-{exercise.name}" in equal_mutants.EQUAL}
    for name, changed in made.items():
        known = equal_mutants.EQUAL[name]
        assert not known.keys() - changed and all(known.values()), f"{name}: was its solution changed?"
