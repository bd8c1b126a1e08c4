# Sentences with made-up personal data, one a line: awk -f templates.awk -v count=1000 -v seed=1
#
# The teacher says what of it is what: the sentences only have to be such as people write.

# Park and Miller, "Random Number Generators: Good Ones Are Hard to Find", 1988: the same numbers with
# any awk.
function below(n) { seed = seed * 16807 % 2147483647; return int(seed / 2147483647 * n) }
function one(list,   parts, n) { n = split(list, parts, "|"); return parts[below(n) + 1] }
# Digits for each #, letters for each @.
function filled(mask,   out, i, c) {
    out = ""
    for (i = 1; i <= length(mask); i++) {
        c = substr(mask, i, 1)
        if (c == "#") c = below(10)
        else if (c == "@") c = substr("ABCDEFGHJKLMNPRSTUVWXYZ", below(23) + 1, 1)
        out = out c
    }
    return out
}
function given() { return one(givens) }
function surname() { return below(8) ? one(surnames) : one(surnames) "-" one(surnames) }
function person() { return below(4) ? given() " " surname() : one("Mr. |Mrs. |Ms. |Dr. |") surname() }
function mail(   first, last) {
    first = tolower(given()); last = tolower(one(surnames))
    return one(first "." last "|" first last "|" substr(first, 1, 1) last "|" first "_" filled("##")) \
        "@" one(domains)
}
function url() {
    return one("https://|http://|www.|https://www.") one("blog|shop|my|the|go|news|" tolower(one(surnames))) \
        one("site|hub|portal|page|place") one(".com|.org|.net|.io|.co.uk") one("||/login|/profile/" tolower(given()) "|/?id=" filled("####"))
}
function phone() {
    return filled(one("(###) ###-####|###-###-####|+1 ### ### ####|### ### ####|+44 20 #### ####|###.###.####|1-###-###-####|##########"))
}
function street() { return one(trees) " " one("Street|Avenue|Road|Lane|Drive|Court|Boulevard|St|Ave|Rd|Way|Place") }
function number() { return filled(one("#|##|###|####")) + 1 }
function second() { return one("Apt |Suite |Unit |#|Floor |Apartment ") filled(one("#|##|###|#@")) }
function zip() { return filled(one("#####|#####|#####-####|@@# #@@")) }
function address(   out) {
    out = number() " " street()
    if (!below(3)) out = out one(", | ") second()
    if (below(4)) out = out ", " one(cities)
    if (below(3)) out = out ", " one(states)
    if (below(2)) out = out " " zip()
    return out
}
function value(kind) {
    if (kind == "person") return person()
    if (kind == "given") return given()
    if (kind == "surname") return surname()
    if (kind == "mail") return mail()
    if (kind == "url") return url()
    if (kind == "phone") return phone()
    if (kind == "address") return address()
    if (kind == "street") return number() " " street()
    if (kind == "second") return second()
    if (kind == "city") return one(cities)
    if (kind == "state") return one(states)
    if (kind == "zip") return zip()
    if (kind == "tax") return filled(one("###-##-####|#########|##-#######|9##-##-####"))
    if (kind == "account") return filled(one("##########|############|####-####-####|########|GB## @@@@ #### #### #### ##|DE## #### #### #### #### ##"))
    if (kind == "routing") return filled("#########")
    if (kind == "id") return filled(one("@@ ## ## ## @|########@|@#########|@@@-###-###|###-####-####"))
    if (kind == "passport") return filled(one("@########|#########|@@#######"))
    if (kind == "licence") return filled(one("@#######|@###-####-####|########|@@######|@##-##-####"))
    if (kind == "month") return one("January|February|March|April|May|June|July|August|September|October|November|December")
    if (kind == "n") return below(60) + 1
    return "{" kind "}"
}
function sentence(   text, out, start, end) {
    text = lines[below(total) + 1]
    out = ""
    while ((start = index(text, "{")) > 0) {
        end = index(text, "}")
        out = out substr(text, 1, start - 1) value(substr(text, start + 1, end - start - 1))
        text = substr(text, end + 1)
    }
    return out text
}
BEGIN {
    givens = "James|Mary|Robert|Patricia|John|Jennifer|Michael|Linda|David|Elizabeth|William|Barbara|Richard|Susan|Joseph|Jessica|Thomas|Sarah|Carlos|Karen|Daniel|Lisa|Matthew|Nancy|Anthony|Betty|Mark|Sandra|Paul|Ashley|Steven|Emily|Andrew|Donna|Kenneth|Michelle|Joshua|Carol|Kevin|Amanda|Brian|Melissa|George|Deborah|Edward|Stephanie|Ronald|Rebecca|Timothy|Laura|Jason|Sharon|Jeffrey|Cynthia|Ryan|Kathleen|Jacob|Amy|Gary|Angela|Priya|Wei|Ahmed|Fatima|Olga|Ivan|Sofia|Mateo|Aisha|Hiroshi|Yuki|Chloe|Liam|Noah|Emma|Olivia|Ava|Mia|Zoe|Ethan|Lucas|Maria|Ana|Juan|Pedro|Ingrid|Lars|Kofi|Amara|Nadia|Omar|Leila|Raj|Anika|Tom|Kate|Ben|Sam|Max|Ella"
    surnames = "Smith|Johnson|Williams|Brown|Jones|Garcia|Miller|Davis|Rodriguez|Martinez|Hernandez|Lopez|Gonzalez|Wilson|Anderson|Thomas|Taylor|Moore|Jackson|Martin|Lee|Perez|Thompson|White|Harris|Sanchez|Clark|Ramirez|Lewis|Robinson|Walker|Young|Allen|King|Wright|Scott|Torres|Nguyen|Hill|Flores|Green|Adams|Nelson|Baker|Hall|Rivera|Campbell|Mitchell|Carter|Roberts|Patel|Kim|Chen|Khan|Singh|Kowalski|Ivanov|Schmidt|Keller|Rossi|Moreau|Tanaka|Okafor|Haddad|O'Brien|MacDonald|Larsen|Novak|Costa|Fischer|Weatherby|Delgado|Yamamoto|Abbott|Whitfield|Fitzgerald|Osborne|Pruitt|Quinn|Sutherland"
    domains = "example.com|example.org|gmail.com|mail.net|yahoo.com|outlook.com|corp.example|school.edu|proton.me|acme.co.uk"
    trees = "Oak|Maple|Main|Elm|Pine|Cedar|Park|Washington|Lake|Hill|Baker|Church|High|Mill|River|Sunset|King|Station|Victoria|Jefferson|5th|12th|Lincoln|Franklin|Chestnut|Highland|Riverside|Queen"
    cities = "Springfield|New York|London|Chicago|Houston|Phoenix|Seattle|Denver|Boston|Portland|Austin|Dallas|Atlanta|Miami|San Diego|Paris|Berlin|Toronto|Sydney|Dublin|Manchester|Leeds|Madison|Salem|Oakland|Tucson|Omaha|Cleveland|Richmond|Santa Fe|Las Vegas|Kansas City"
    states = "California|Texas|Florida|New York|Illinois|Ohio|Georgia|Oregon|Washington|Arizona|CA|TX|NY|FL|IL|OH|WA|MA|CO|NC|Nevada|Utah|Virginia|Michigan|New Jersey"
    while ((getline line < templates) > 0) if (line != "") lines[++total] = line
    seed = seed * 7919 + 1
    for (i = 0; i < count; i++) print sentence()
}
