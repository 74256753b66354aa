"""Evaluation sets for finding memories: Cranfield, LoCoMo's evidence, STS-B. Nothing is fitted on them."""

import csv
import gzip
import io
import json
import math
import re
import statistics
import zipfile

import numpy as np

CUT = 10


def cranfield(data):
    """One collection: texts, queries and, for each query, the set of rows that are relevant."""

    def read(name):
        return gzip.open(data / "cranfield" / name, "rt", encoding="utf-8").read()

    documents = re.findall(r"<docno>\s*(\d+).*?<text>(.*?)</text>", read("cran.all.1400.xml.gz"), re.DOTALL)
    row = {number: at for at, (number, _) in enumerate(documents)}
    queries = [text.strip() for text in re.findall(r"<title>(.*?)</title>", read("cran.qry.xml.gz"), re.DOTALL)]
    relevant = [set() for _ in queries]
    for judged in read("cranqrel.trec.txt.gz").splitlines():
        query, _, number, grade = judged.split()
        if int(grade) > 0 and number in row:
            relevant[int(query) - 1].add(row[number])
    return [([text or "…" for _, text in documents], queries, relevant)]


def locomo(data):
    """Ten collections, one a conversation: its turns with their speaker, the questions, the turns that answer them."""
    collections = []
    with zipfile.ZipFile(data / "locomo" / "locomo10.zip") as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".json")):
            told = json.loads(archive.read(name))
            turns = [turn for key, turns in told.items() if re.fullmatch(r"session_\d+", key) for turn in turns]
            row = {turn["dia_id"]: at for at, turn in enumerate(turns)}
            texts = [f"{turn['speaker']}: {turn.get('text') or '…'}" for turn in turns]
            asked = [qa for qa in told["qa"] if any(place in row for place in qa.get("evidence") or ())]
            relevant = [{row[place] for place in qa["evidence"] if place in row} for qa in asked]
            collections.append((texts, [str(qa["question"]) for qa in asked], relevant))
    return collections


def sentence_pairs(data):
    """The pairs of STS-B test and how alike people find them."""
    with gzip.open(data / "stsb-en" / "stsb-en-test.csv.gz") as file:
        pairs = list(csv.reader(io.TextIOWrapper(file, "utf-8")))
    return [p[0] for p in pairs], [p[1] for p in pairs], [float(p[2]) for p in pairs]


def found(collections, score):
    """Mean nDCG@10 and recall@10 of queries with a relevant text; ``score`` (texts, queries) gives [queries, texts]."""
    gains, recalls = [], []
    for texts, queries, relevant in collections:
        for row, wanted in zip(score(texts, queries), relevant, strict=True):
            if not wanted:
                continue
            hits = [at for at, place in enumerate(np.argsort(-row, kind="stable")[:CUT]) if int(place) in wanted]
            best = sum(1 / math.log2(at + 2) for at in range(min(CUT, len(wanted))))
            gains.append(sum(1 / math.log2(at + 2) for at in hits) / best)
            recalls.append(len(hits) / len(wanted))
    return statistics.fmean(gains), statistics.fmean(recalls)


def spearman(a, b):
    """The correlation of ranks; equal values share the mean of theirs."""

    def ranks(values):
        _, place, count = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
        return (np.cumsum(count) - (count - 1) / 2)[place]

    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])
