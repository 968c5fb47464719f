# Every target's raw command is printed as it runs; README lists them for machines without make.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup quickstart data data-pixmo look train eval ask test spec smoke bench clean

PYTHON  ?= .venv/bin/python
PRESET  ?= nano
LEVEL   ?= easy
OUT     ?= out/$(PRESET)
SEED    ?= 1
IMAGE   ?= data/points/easy/images/val_000000.png
Q       ?= Point to the shapes.
ARGS    ?=
SETS    ?=
ROWS    ?= 2000
SIZE    ?= 512

help:        ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# With PYTHON=python3 an interpreter that has the five packages is used as it is.
setup: $(if $(filter .venv/bin/python,$(PYTHON)),.venv/ready)

.venv/ready: requirements.txt
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet -r requirements.txt
	touch .venv/ready

quickstart: data train eval   ## everything: data, all stages of nano, scores, report.png (8 minutes on 2 cores)

data: setup         ## draw mini-PixMo, no download: LEVEL=easy (four sets) or full (eight), IMAGES=... in all
	$(PYTHON) -m data.prepare_all --level=$(LEVEL) --seed=$(SEED) $(if $(IMAGES),--images=$(IMAGES))
	$(PYTHON) -m data.tokenizer.prepare --level=$(LEVEL)

data-pixmo: setup   ## fetch a subset of the real PixMo: SETS="cap points" ROWS=2000 SIZE=512 (pixels) SEED=1
	$(PYTHON) -m data.pixmo.prepare $(if $(SETS),--sets="$(SETS)") --rows=$(ROWS) --size=$(SIZE) --seed=$(SEED)

look: setup         ## one contact sheet for each drawn set of LEVEL: out/look/*.png
	$(PYTHON) -m data.look --level=$(LEVEL)

train: setup        ## train PRESET=nano on the drawn data, or go on where it stopped
	$(PYTHON) train.py $(PRESET) --out=$(OUT) --level=$(LEVEL) --seed=$(SEED) --resume $(ARGS)

eval: setup         ## score OUT=out/nano on held-out pictures: is it looking?
	$(PYTHON) -m minimolmo.evaluate --weights=$(OUT)

ask: setup          ## ask a picture (your nano, else the released one): make ask IMAGE=photo.jpg Q="Point at the red circle."
	$(PYTHON) -m minimolmo.answer "$(IMAGE)" "$(Q)" $(ARGS)

test: setup         ## run all tests (under 4 minutes on 2 cores)
	$(PYTHON) -m pytest -q $(ARGS)

spec: setup         ## print the tests' names as a manual
	@$(PYTHON) tests/spec.py

smoke: setup        ## 20 steps of everything, then one answer (1 minute)
	rm -rf out/smoke
	$(PYTHON) -m data.prepare_all --images=256 --folder=out/smoke/data
	$(PYTHON) -m data.tokenizer.prepare --folder=out/smoke/data
	$(PYTHON) train.py --data=out/smoke/data --out=out/smoke --grow.steps=8 --captions.steps=4 --mixture.steps=8
	$(PYTHON) -m minimolmo.answer out/smoke/data/points/easy/images/val_000000.png "$(Q)" --weights=out/smoke

bench: setup        ## measure: packing, KV cache, tiler, training speed
	$(PYTHON) tests/bench.py $(ARGS)

clean:              ## remove drawn data, runs and caches (never your own data/<name> folders)
	rm -rf out data/*/easy data/*/small data/*/full data/tokenizer/*.json .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
