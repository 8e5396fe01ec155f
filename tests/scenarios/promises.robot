*** Settings ***
Documentation    The promises of the design that a simulated room can show, one or more to a scenario (tags).
Library          simulators.robot.SpreekkamerLibrary

*** Test Cases ***
A broker that was away gets every alarm, marked late
    [Tags]    A1    A4    A7    fast    vm
    Given a room under the policy dronten-2022
    When the fault broker.unplugged begins
    And I press the button alarm
    Then the status lamp says nobody
    When 11 seconds pass
    And the fault broker.unplugged ends
    Then the desk has stored 1 presses
    And the newest press is marked as late

A press during the power cut of everything else
    [Tags]    A1    A2    fast    vm
    Given a room under the policy dronten-2022
    When the fault recorder-process.down begins
    And the fault keeper-process.down begins
    And I press the button alarm
    Then the desk has stored 1 presses
    And the status lamp says stored

Nobody listens, and staff see it before they press
    [Tags]    A5    A7    fast    vm
    Given a room under the policy dronten-2022
    When the fault console.gone begins
    Then the status lamp says nobody
    When the fault console.gone ends
    Then the status lamp says privacy

An alarm goes on over a power cut
    [Tags]    A1    R8    fast    vm
    Given a room under the policy dronten-2022
    When I press the button alarm
    Then the desk has stored 1 presses
    And the log says alarm_raised
    When the power is cut
    Then the status lamp says stored
    When the desk ends the alarm
    Then the status lamp says privacy

A wire that is cut is reported, not silently ignored
    [Tags]    A6    fast    vm
    Given a room under the policy dronten-2022
    When the fault alarm.cut begins
    Then the unit reports alarm_button fault
    When the fault alarm.cut ends
    And I press the button alarm
    Then the desk has stored 1 presses

A button that sticks is one alarm and a fault
    [Tags]    A1    A6    fast    vm
    Given a room under the policy dronten-2022
    When the fault alarm.stuck begins
    And I press the button alarm
    Then the desk has stored 1 presses

A wireless button, and an outside worker's
    [Tags]    A1    dronten-letter-2022    fast    vm
    Given a room under the policy dronten-2022
    When I press the wireless button balie-knop
    Then the desk has stored 1 presses
    When I press the wireless button buiten-1
    Then the desk has stored 2 presses

An outside worker's button records nothing where the room's own does
    [Tags]    A1    R3    dronten-letter-2022
    Given a room under the policy heusden-2020
    When I press the wireless button buiten-1
    Then the desk has stored 1 presses
    And the recording lamp is dark
    And the store holds nothing
    When I press the wireless button balie-knop
    Then the desk has stored 2 presses
    And the recording lamp is lit
    And the store holds sound and image

No lamp, no recording
    [Tags]    R3
    Given a room under the policy dronten-2021-11-10
    When the fault recording.broken begins
    And I press the button record
    And 5 seconds pass
    Then the store holds nothing

A camera that is gone costs its own track alone
    [Tags]    R8    H1
    Given a room under the policy heusden-2020
    When the fault camera.gone begins
    Then the unit reports camera fault
    When I press the button alarm
    Then the desk has stored 1 presses
    And the recording lamp is lit

The recorder dies in an alarm, and the recording goes on
    [Tags]    A2    R5    R8
    Given a room under the policy heusden-2020
    When I press the button alarm
    Then the recording lamp is lit
    When the fault recorder-process.down begins
    And I press the button alarm
    Then the desk has stored 2 presses
    When the fault recorder-process.down ends
    Then the recording lamp is lit
    And the store holds sound and image

Two weeks without a known time delete nothing early
    [Tags]    K4
    Given a room under the policy heusden-2020
    When the clock is unsynchronised
    And I press the button record
    And 3 seconds pass
    And I press the button record
    And 35 seconds pass
    Then the store holds sound and image
    When 6 days pass
    Then the store holds sound and image

A keeper that is down is a fault, and the alarm goes out
    [Tags]    A2    H1    fast    vm
    Given a room under the policy dronten-2022
    When the fault keeper-process.down begins
    Then the unit reports keeper fault
    When I press the button alarm
    Then the desk has stored 1 presses
    When all faults end
    Then the unit reports no fault

A link that swallows everything costs no alarm
    [Tags]    A1    A4    A7
    Given a room under the policy dronten-2022
    When the fault link.black_hole begins
    And I press the button alarm
    And 12 seconds pass
    And the fault link.black_hole ends
    Then the desk has stored 1 presses
    And the newest press is marked as late

A slow link is slow, and loses nothing
    [Tags]    A1    A5
    Given a room under the policy dronten-2022
    When the fault link.slow begins
    And I press the button alarm
    Then the desk has stored 1 presses
    And the status lamp says stored

A store that is full, read-only or slow delays no alarm
    [Tags]    A2    A3    R8
    Given a room under the policy heusden-2020
    When the fault disk.full begins
    Then the unit reports full fault
    When I press the button alarm
    Then the desk has stored 1 presses
    When the fault disk.readonly begins
    And I press the button alarm
    Then the desk has stored 2 presses
    When the fault disk.slow begins
    And I press the button alarm
    Then the desk has stored 3 presses
    When all faults end
    Then the recording lamp is lit
    And the store holds sound and image

A power cut in the middle of a recording costs a second of it
    [Tags]    R5    R8    K7
    Given a room under the policy heusden-2020
    When I press the button record
    Then the recording lamp is lit
    When 5 seconds pass
    And the power is cut
    Then the store holds sound and image
    And the recording opens with manager-1
    When an operator gives the command store verify
    Then the log says verified

What was said before is not in the next person's recording
    [Tags]    R9
    Given a room under the policy heusden-2020
    When 15 seconds pass
    And an operator gives the command forget
    And 2 seconds pass
    And I press the button record
    Then the recording begins at most 6 seconds before the press
    And the log says ring_forgotten

A room that is simulated says so
    [Tags]    H3
    Given a room under the policy dronten-2022
    Then the unit reports simulation
