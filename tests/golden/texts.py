"""Texts for the golden files, written for this repository: nobody in them exists."""

SENTENCES = [
    "My name is Alice Johnson and my phone number is 555-0173-4821.",
    "Please send the invoice to martin.keller@example.org before Friday.",
    "I live at 42 Baker Street, Springfield, Illinois 62704.",
    "His passport number is X48213907, issued in Lisbon.",
    "The quick brown fox jumps over the lazy dog.",
    "Wire the money to account 12345678, routing number 021000021.",
    "Her driver's license is D123-4567-8901 and her SSN is 123-45-6789.",
    "What time does the last train leave for Utrecht?",
    "Dr. María Núñez-O'Connor will see you at 3:30 p.m. in room B-12.",
    "See https://www.example.com/profile/jsmith?id=42 for details.",
    "Hi!",
    "The committee postponed its decision until the budget had been reviewed by everyone concerned.",
    "Ship it to Unit 5, 1600 Pennsylvania Avenue NW, Washington, DC 20500.",
    "Call Priya Raghunathan at +44 20 7946 0958 or write to priya@example.net.",
    "It rained all night; by morning the river had risen two metres.",
    "Tax ID 98-7654321 belongs to Northwind Traders Ltd.",
    "東京 and 北京 are both capitals.",
    "Naïve café owners resumé their façade renovations.",
    "Can you recommend a vegetarian restaurant near the central station?",
    "Jean-Luc Moreau, born 14 July 1979, moved from Lyon to Montréal in 2004.",
    "An unpronounceable word: antidisestablishmentarianism, twice misspelt as antidisestablishmentarianisme.",
    "Cells divide; enzymes fold; nothing in the dish stays where it was put.",
    "Thx 4 the tix @sam_r!!! c u @ 8 :) #concert",
    "Under the old agreement the tenant, Mr. Robert K. Fairweather of 7 Harbour Lane, Portsmouth, "
    "paid rent quarterly to the landlord's agent, reachable at agent@example.com or 023 9200 0000, "
    "and any repairs above two hundred pounds required written consent.",
]

_ARYL = ["c1ccccc1", "c1ccc(C)cc1", "c1ccc(OC)cc1", "c1ccc(F)cc1", "c1ccncc1", "c1ccc2ccccc2c1"]
_ALKYL = ["CC", "CCC", "CC(C)C", "C1CCCCC1", "CCOC", "Cc1ccccc1"]
_AMINE = ["NCC", "NCc1ccccc1", "NC1CCCC1", "Nc1ccccc1", "NCCO"]
_REST = [*_ARYL, *_ALKYL]


def _reactions():
    """Precursors>>product, composed of parts: well-formed SMILES of ten common transformations."""
    for rest in _REST:
        for amine in _AMINE:
            # Amide from a carboxylic acid and from an acid chloride; sulfonamide.
            yield f"O=C(O){rest}.{amine}.CCN(C(C)C)C(C)C>>O=C({amine}){rest}"
            yield f"O=C(Cl){rest}.{amine}.CCN(CC)CC.ClCCl>>O=C({amine}){rest}"
            yield f"O=S(=O)(Cl){rest}.{amine}.c1ccncc1>>O=S(=O)({amine}){rest}"
    for aryl in _ARYL:
        for other in _ARYL:
            # Suzuki coupling.
            yield f"Br{aryl}.OB(O){other}.O=C([O-])[O-].[K+].[K+].[Pd]>>{aryl}-{other}"
        for alkyl in _ALKYL:
            # Williamson ether synthesis.
            yield f"O{aryl}.Br{alkyl}.O=C([O-])[O-].[K+].[K+].CN(C)C=O>>{alkyl}O{aryl}"
    for rest in _REST:
        # Nitro reduction, ester hydrolysis, esterification, Boc removal, alcohol oxidation.
        yield f"O=[N+]([O-]){rest}.[H][H].[Pd].CO>>N{rest}"
        yield f"COC(=O){rest}.[OH-].[Na+].O.CO>>O=C(O){rest}"
        yield f"O=C(O){rest}.CO.O=S(=O)(O)O>>COC(=O){rest}"
        yield f"CC(C)(C)OC(=O)N{rest}.O=C(O)C(F)(F)F.ClCCl>>N{rest}"
        yield f"OC{rest}.O=[Mn]=O.ClCCl>>O=C{rest}"


REACTIONS = list(dict.fromkeys(_reactions()))[:300]
