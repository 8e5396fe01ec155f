Language: nl

*** Instellingen ***
Documentatie    Wat Dronten de raad toezegde in de brieven van 2021 en 2022, voor zover een kastje het kan houden.
Bibliotheek     simulators.robot.SpreekkamerLibrary

*** Testgevallen ***
2014: beeld en geluid, veertien dagen
    [Tags]    K1    dronten-2014    dronten-letter-2021
    Gegeven een kamer onder het protocol dronten-2014
    Als ik de knop alarm indruk
    Dan bewaart de kast geluid en beeld
    Als de balie het alarm beëindigt
    En er 35 seconden voorbijgaan
    Dan is de opnamelamp uit
    Als er 13 dagen voorbijgaan
    Dan bewaart de kast geluid en beeld
    Als er 2 dagen voorbijgaan
    Dan bewaart de kast niets

10 november 2021: het geluid is uit
    [Tags]    R7    dronten-2021-11-10    dronten-letter-2021
    Gegeven een kamer onder het protocol dronten-2021-11-10
    Als ik de knop alarm indruk
    Dan bewaart de kast beeld
    En heeft de balie 1 drukken opgeslagen

16 november 2021: alles uit, het alarm blijft
    [Tags]    R1    R7    A1    dronten-2021-11-16    dronten-letter-2021    fast    vm
    Gegeven een kamer onder het protocol dronten-2021-11-16
    Als ik de knop alarm indruk
    Dan heeft de balie 1 drukken opgeslagen
    En is de opnamelamp uit
    En bewaart de kast niets

2022: mobiele alarmknoppen, in huis en daarbuiten
    [Tags]    A1    dronten-2022    dronten-letter-2022    fast    vm
    Gegeven een kamer onder het protocol dronten-2022
    Als ik de draadloze knop balie-knop indruk
    Dan heeft de balie 1 drukken opgeslagen
    Als ik de draadloze knop buiten-1 indruk
    Dan heeft de balie 2 drukken opgeslagen
    En bewaart de kast niets

Openen kan alleen samen: bewaarder en secretaris
    [Tags]    R6    K5    dronten-2014    dronten-letter-2021
    Gegeven een kamer onder het protocol dronten-2014
    Als ik de knop alarm indruk
    En er 3 seconden voorbijgaan
    En de balie het alarm beëindigt
    En er 32 seconden voorbijgaan
    Dan gaat de opname open met custodian-1, secretary-1

Een inwoner maakt bezwaar: geen opname, en het alarm werkt
    [Tags]    R7    A1    dronten-2014    dronten-letter-2021
    Gegeven een kamer onder het protocol dronten-2014
    Als ik de knop record 4 seconden vasthoud
    Dan zegt de statuslamp privacy
    Als ik de knop record indruk
    En er 3 seconden voorbijgaan
    Dan bewaart de kast niets
    Als ik de knop alarm indruk
    Dan heeft de balie 1 drukken opgeslagen

Hoe weet de raad dat: elke druk staat in het logboek, zonder namen
    [Tags]    H1    K3    dronten-2022    dronten-letter-2021
    Gegeven een kamer onder het protocol dronten-2022
    Als ik de knop alarm indruk
    Dan staat alarm_raised in het logboek
    Als een beheerder de opdracht report geeft
    En een beheerder de opdracht audit verify geeft
    Dan heeft de balie 1 drukken opgeslagen
