Language: nl

*** Instellingen ***
Documentatie    Het protocol van Heusden van 2020, artikel voor artikel, voor zover een kastje het kan houden.
Bibliotheek     simulators.robot.SpreekkamerLibrary

*** Testgevallen ***
Doel: wie zich onveilig voelt drukt zelf, en er komt iemand
    [Tags]    A1    A5    R5    heusden-2020    heusden-doel
    Gegeven een kamer onder het protocol heusden-2020
    Als er 30 seconden voorbijgaan
    En ik de knop alarm indruk
    Dan zegt de statuslamp Alarm ontvangen
    En heeft de balie 1 drukken opgeslagen
    En is de opnamelamp aan
    En begint de opname 29 seconden voor de druk
    Als de balie het alarm aanneemt
    Dan zegt de statuslamp Iemand komt

Artikel 1: niets heimelijk, zonder lamp wordt er niet opgenomen
    [Tags]    R1    R3    heusden-art-1
    Gegeven een kamer onder het protocol heusden-2020
    Dan is de opnamelamp uit
    En bewaart de kast niets
    Als de storing recording.broken begint
    En ik de knop record indruk
    En er 5 seconden voorbijgaan
    Dan bewaart de kast niets

Artikel 2: een gesprek wordt alleen opgenomen na een druk op de knop
    [Tags]    R1    R3    R4    heusden-art-2
    Gegeven een kamer onder het protocol heusden-2020
    Dan is de opnamelamp uit
    En bewaart de kast niets
    Als er 30 seconden voorbijgaan
    En ik de knop record indruk
    Dan is de opnamelamp aan
    En begint de opname 29 seconden voor de druk
    En bewaart de kast geluid en beeld

Artikel 2: aan de telefoon neemt een druk alleen geluid op, tot er wordt opgehangen
    [Tags]    R1    R7    R9    heusden-2020-kcc    heusden-art-2
    Gegeven een kamer onder het protocol heusden-2020-kcc
    Als ik de knop record indruk
    En er 3 seconden voorbijgaan
    Dan is de opnamelamp aan
    Als ik de knop record indruk
    Dan is de opnamelamp uit
    Als ik de knop in_use indruk
    En er 10 seconden voorbijgaan
    En ik de knop record indruk
    Dan is de opnamelamp aan
    En begint de opname hoogstens 12 seconden voor de druk
    En bewaart de kast geluid
    Als ik de knop in_use indruk
    Dan is de opnamelamp uit
    En gaat de opname open met manager-1

Artikel 3: beheer controleert de kast en ziet en hoort niets
    [Tags]    R6    K3    H1    heusden-art-3
    Gegeven een kamer onder het protocol heusden-2020
    Als ik de knop record indruk
    En er 3 seconden voorbijgaan
    En ik de knop record indruk
    En er 32 seconden voorbijgaan
    En een beheerder de opdracht recordings show {opname} geeft
    En een beheerder de opdracht store verify geeft
    En een beheerder de opdracht audit verify geeft
    Dan staat verified in het logboek

Artikel 4: een van de houders opent, en de politie krijgt een verzegelde kopie
    [Tags]    R6    K5    heusden-art-4
    Gegeven een kamer onder het protocol heusden-2020
    Als ik de knop record indruk
    En er 3 seconden voorbijgaan
    En ik de knop record indruk
    En er 32 seconden voorbijgaan
    Dan gaat de opname open met secretary-2
    Als een beheerder de opdracht evidence export {opname} --to {map} --purpose report_to_police --number PL2026-114 --role manager --same-disk proef geeft
    Dan staat handed_out in het logboek

Artikel 5: bij verkiezingen is de camera afgeplakt, en het alarm werkt
    [Tags]    R7    A1    heusden-art-5
    Gegeven een kamer onder het protocol heusden-2020
    Als een beheerder de opdracht cover set --from {uur+0} --until {uur+2} --decision "Verkiezingen, besluit 2026-3" geeft
    Dan zegt de statuslamp privacy
    Als ik de knop record indruk
    En er 3 seconden voorbijgaan
    Dan bewaart de kast niets
    Als ik de knop alarm indruk
    Dan heeft de balie 1 drukken opgeslagen

Artikel 6: geluid een week, beeld vier weken
    [Tags]    K1    K3    heusden-art-6
    Gegeven een kamer onder het protocol heusden-2020
    Als ik de knop record indruk
    Dan bewaart de kast geluid en beeld
    Als ik de knop record indruk
    En er 35 seconden voorbijgaan
    Dan is de opnamelamp uit
    Als er 7 dagen voorbijgaan
    Dan bewaart de kast beeld
    En staat deleted in het logboek
    Als er 3 weken voorbijgaan
    Dan bewaart de kast niets

Artikel 6: langer alleen tot het incident is opgelost
    [Tags]    K2    K3    heusden-art-6
    Gegeven een kamer onder het protocol heusden-2020
    Als ik de knop record indruk
    En er 3 seconden voorbijgaan
    En ik de knop record indruk
    En er 32 seconden voorbijgaan
    En een beheerder de opdracht hold place {opname} --incident 2026-0417 --role manager --reason mes --review {dag+60} geeft
    Dan staat hold_placed in het logboek
    Als er 5 weken voorbijgaan
    En er 5 seconden voorbijgaan
    Dan bewaart de kast geluid en beeld
    Als een beheerder de opdracht hold release {hold} --role manager --reason opgelost --yes geeft
    Dan bewaart de kast niets
    En staat hold_released in het logboek

Artikel 7: sticker, brief, mondelinge tekst, pagina en de tekst voor medewerkers komen uit het protocol
    [Tags]    heusden-art-7
    Gegeven een kamer onder het protocol heusden-2020
    Als een beheerder de opdracht notice sticker --out {map}/sticker.pdf geeft
    En een beheerder de opdracht notice letter --out {map}/brief.md geeft
    En een beheerder de opdracht notice spoken --out {map}/gesproken.md geeft
    En een beheerder de opdracht notice page --out {map}/spreekkamer.html geeft
    En een beheerder de opdracht notice staff --out {map}/medewerkers.md geeft
    Dan meldt het kastje geen storing
