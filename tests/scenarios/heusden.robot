Language: nl

*** Instellingen ***
Documentatie    Het protocol van Heusden van 2020, artikel voor artikel, voor zover een kastje het kan houden.
Bibliotheek     simulators.robot.SpreekkamerLibrary

*** Testgevallen ***
Een alarm met opname van beeld en geluid
    [Tags]    A1    A5    R5    heusden-art-7
    Gegeven een kamer onder het protocol heusden-2020
    Als ik de knop alarm indruk
    Dan zegt de statuslamp Alarm ontvangen
    En heeft de balie 1 drukken opgeslagen
    En is de opnamelamp aan
    En begint de opname 29 seconden voor de druk
    Als de balie het alarm aanneemt
    Dan zegt de statuslamp Iemand komt

Een gesprek wordt alleen opgenomen na een druk op de knop
    [Tags]    R1    R3    R4    heusden-art-2
    Gegeven een kamer onder het protocol heusden-2020
    Dan is de opnamelamp uit
    En bewaart de kast niets
    Als ik de knop record indruk
    Dan is de opnamelamp aan
    En begint de opname 29 seconden voor de druk
    En bewaart de kast geluid en beeld

Geluid een week, beeld vier weken
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

Een van de houders opent
    [Tags]    R6    K5    heusden-art-4
    Gegeven een kamer onder het protocol heusden-2020
    Als ik de knop record indruk
    En er 3 seconden voorbijgaan
    En ik de knop record indruk
    En er 32 seconden voorbijgaan
    Dan gaat de opname open met secretary-2
