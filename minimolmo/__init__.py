"""minimolmo: Molmo from scratch, small enough to read in an evening.

    data/<name>/prepare.py -> train.jsonl + images/      files that a person can open
                                 |
    image/  pixels -> Crops      |      text/  words <-> ids, points <-> text
                                 v
    batch/  where image and text meet: Example -> Sequence -> Batch
                                 v
    model/  patches + ids -> logits: see, pool, project, splice, decode
                                 v
    train.py learns   answer.py speaks   evaluate.py scores

Begin with flow.py (what flows), then config.py (every number), then follow one picture down the wings.
"""
