//! The lists that values are drawn from, with `|` between entries.

/// Given names.
pub const GIVEN_NAMES: &str = "\
    James|Mary|Robert|Patricia|John|Jennifer|Michael|Linda|David|Elizabeth|William|Barbara|Richard|\
    Susan|Joseph|Jessica|Thomas|Sarah|Carlos|Karen|Daniel|Lisa|Matthew|Nancy|Anthony|Betty|Mark|\
    Sandra|Paul|Ashley|Steven|Emily|Andrew|Donna|Kenneth|Michelle|Joshua|Carol|Kevin|Amanda|Brian|\
    Melissa|George|Deborah|Edward|Stephanie|Ronald|Rebecca|Timothy|Laura|Jason|Sharon|Jeffrey|\
    Cynthia|Ryan|Kathleen|Jacob|Amy|Gary|Angela|Priya|Wei|Ahmed|Fatima|Olga|Ivan|Sofia|Mateo|Aisha|\
    Hiroshi|Yuki|Chloe|Liam|Noah|Emma|Olivia|Ava|Mia|Zoe|Ethan|Lucas|Maria|Ana|Juan|Pedro|Ingrid|\
    Lars|Kofi|Amara|Nadia|Omar|Leila|Raj|Anika|Tom|Kate|Ben|Sam|Max|Ella";

/// Surnames.
pub const SURNAMES: &str = "\
    Smith|Johnson|Williams|Brown|Jones|Garcia|Miller|Davis|Rodriguez|Martinez|Hernandez|Lopez|\
    Gonzalez|Wilson|Anderson|Thomas|Taylor|Moore|Jackson|Martin|Lee|Perez|Thompson|White|Harris|\
    Sanchez|Clark|Ramirez|Lewis|Robinson|Walker|Young|Allen|King|Wright|Scott|Torres|Nguyen|Hill|\
    Flores|Green|Adams|Nelson|Baker|Hall|Rivera|Campbell|Mitchell|Carter|Roberts|Patel|Kim|Chen|\
    Khan|Singh|Kowalski|Ivanov|Schmidt|Keller|Rossi|Moreau|Tanaka|Okafor|Haddad|O'Brien|MacDonald|\
    Larsen|Novak|Costa|Fischer|Weatherby|Delgado|Yamamoto|Abbott|Whitfield|Fitzgerald|Osborne|\
    Pruitt|Quinn|Sutherland";

/// E-mail domains.
pub const DOMAINS: &str = "\
    example.com|example.org|gmail.com|mail.net|yahoo.com|outlook.com|corp.example|school.edu|\
    proton.me|acme.co.uk";

/// Street names, without "Street".
pub const STREET_NAMES: &str = "\
    Oak|Maple|Main|Elm|Pine|Cedar|Park|Washington|Lake|Hill|Baker|Church|High|Mill|River|Sunset|\
    King|Station|Victoria|Jefferson|5th|12th|Lincoln|Franklin|Chestnut|Highland|Riverside|Queen";

/// Cities.
pub const CITIES: &str = "\
    Springfield|New York|London|Chicago|Houston|Phoenix|Seattle|Denver|Boston|Portland|Austin|\
    Dallas|Atlanta|Miami|San Diego|Paris|Berlin|Toronto|Sydney|Dublin|Manchester|Leeds|Madison|\
    Salem|Oakland|Tucson|Omaha|Cleveland|Richmond|Santa Fe|Las Vegas|Kansas City";

/// States of the USA, some as two letters.
pub const STATES: &str = "\
    California|Texas|Florida|New York|Illinois|Ohio|Georgia|Oregon|Washington|Arizona|CA|TX|NY|FL|\
    IL|OH|WA|MA|CO|NC|Nevada|Utah|Virginia|Michigan|New Jersey";
