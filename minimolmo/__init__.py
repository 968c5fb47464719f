"""minimolmo: Molmo from scratch, small enough to read in a few evenings.

    data/<name>/prepare.py -> train.jsonl + images/      files that a person can open
                                 |
    image/  file -> Crops        |      text/  text <-> ids, points <-> text
                                 v
    batch/  image and text together: Example -> Sequence -> Batch
                                 v
    model/  patches + ids -> logits: ViT, pooling, projector, splice, decoder
                                 v
    train.py trains   answer.py answers   evaluate.py scores

Read flow.py (the data types), then config.py (every setting), then follow an image through the folders.
"""
import minimolmo.command  # noqa: F401  first: Ctrl-C while torch is imported ends in words
