*** Settings ***
Documentation    Five that must fail: a scenario that cannot fail shows nothing. `make scenarios` sees that each does.
Library          simulators.robot.SpreekkamerLibrary    within_s=8
Test Tags        must-fail    fast

*** Test Cases ***
The desk has two presses of one
    Given a room under the policy dronten-2022
    When I press the button alarm
    Then the desk has stored 2 presses

The lamp says that somebody comes when nobody accepted
    Given a room under the policy dronten-2022
    When I press the button alarm
    Then the status lamp says accepted

A room that records nothing holds sound
    Given a room under the policy dronten-2022
    When I press the button record
    Then the store holds sound

An alarm at once is late
    Given a room under the policy dronten-2022
    When I press the button alarm
    Then the desk has stored 1 presses
    And the newest press is marked as late

A button that the room does not have
    Given a room under the policy dronten-2022
    When I press the button siren
