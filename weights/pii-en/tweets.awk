# Tweets with other handles and addresses than their own: awk -f tweets.awk -v count=1000 -v seed=1 tweets.txt
#
# What the teacher takes handles and the tails of short addresses for depends on their letters, so a
# student has to see many. Handles are drawn letter by letter as likely as those that there are have
# them, behind each two; tails of addresses anyhow.

function below(n) { seed = seed * 16807 % 2147483647; return int(seed / 2147483647 * n) }
function handle(   out, now, last) {
    last = "^^"
    for (out = ""; length(out) < 20; out = out now) {
        now = substr(after[last], below(length(after[last])) + 1, 1)
        if (now == "$") break
        last = substr(last, 2) now
    }
    return out
}
function tail(length_,   out) {
    for (out = ""; length(out) < length_;)
        out = out substr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", below(62) + 1, 1)
    return out
}
# What stands in place of a word; the word before it is `before`.
function other(word, before,   at) {
    if (before == "@" && word ~ /^[A-Za-z0-9_]+$/) return handle()
    if (word ~ /^@[A-Za-z0-9_]+$/) return "@" handle()
    if (word ~ /^https?:\/\/[^\/]+\/[A-Za-z0-9]+$/) {
        at = match(word, /[A-Za-z0-9]+$/)
        return substr(word, 1, at - 1) tail(RLENGTH)
    }
    return word
}
{
    found = 0
    for (i = 1; i <= NF; i++) {
        name = ""
        if ($i ~ /^@[A-Za-z0-9_]+$/) name = substr($i, 2)
        if ($i == "@" && $(i + 1) ~ /^[A-Za-z0-9_]+$/) name = $(i + 1)
        if (name != "" && !seen[name]++) {
            last = "^^"
            for (j = 1; j <= length(name); j++) {
                now = substr(name, j, 1)
                after[last] = after[last] now
                last = substr(last, 2) now
            }
            after[last] = after[last] "$"
        }
        if (name != "" || $i ~ /^https?:/) found = 1
    }
    if (found) tweets[tweet_count++] = $0
}
END {
    for (line = 0; line < count; line++) {
        words = split(tweets[below(tweet_count)], word, " ")
        out = other(word[1], "")
        for (i = 2; i <= words; i++) out = out " " other(word[i], word[i - 1])
        print out
    }
}
