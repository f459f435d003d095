// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CTZ} from "../src/CTZ.sol";
import {Test} from "./Vm.sol";

contract CTZTest is Test {
    CTZ private token;
    address private constant ALICE = address(0xA11CE);

    function setUp() public {
        vm.warp(1000);
        token = new CTZ(address(this), 500, CTZ.Emission({start: 2000, ratePerSecond: 10, max: 75}));
    }

    function test_isInMicroCtz() public view {
        vm.assertEq(token.decimals(), 6);
        vm.assertEq(token.balanceOf(address(this)), 500);
        vm.assertEq(token.totalSupply(), 500);
    }

    function test_onlyTheMinterMints() public {
        vm.warp(3000);
        vm.prank(ALICE);
        vm.expectRevert(CTZ.NotMinter.selector);
        token.mint(ALICE, 1);
        token.mint(ALICE, 1);
        vm.assertEq(token.balanceOf(ALICE), 1);
    }

    function test_burningMakesNoRoomForMinting() public {
        vm.warp(2003);
        token.mint(address(this), 30);
        token.burn(100);
        vm.expectRevert(abi.encodeWithSelector(CTZ.BeyondSchedule.selector, 31, 30));
        token.mint(address(this), 1);
        vm.warp(1_000_000);
        token.mint(address(this), 45);
        vm.expectRevert(abi.encodeWithSelector(CTZ.BeyondSchedule.selector, 76, 75));
        token.mint(address(this), 1);
    }

    function testFuzz_theScheduleNeverFallsAndNeverPassesItsMaximum(uint40 first, uint40 later) public view {
        vm.assume(first <= later);
        vm.assertLe(token.emissionAt(first), token.emissionAt(later));
        vm.assertLe(token.emissionAt(later), 75);
    }

    function test_votesFollowDelegationByTime() public {
        token.transfer(ALICE, 200);
        vm.prank(ALICE);
        token.delegate(ALICE);
        vm.warp(1001);
        vm.assertEq(token.getPastVotes(ALICE, 1000), 200);
        vm.assertEq(token.clock(), 1001);
    }
}
