// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorTypes} from "../src/AnchorTypes.sol";
import {SumTree} from "../src/SumTree.sol";
import {Network} from "./Network.sol";

/// @notice Exits over a tree of three leaves whose hashes are computed here a second time, step by step.
contract ExitTest is Network {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    AnchorTypes.ExitLeaf private alice;
    AnchorTypes.ExitLeaf private bob;
    AnchorTypes.ExitLeaf private treasury;
    SumTree.Step[] private alicePath;
    SumTree.Step[] private bobPath;
    SumTree.Step[] private treasuryPath;
    bytes32 private root;

    function setUp() public {
        // Ids 0000…, 0100…, 1000…: they part at bit 0, then the first two at bit 1.
        alice = leafOf(bytes32(0), 1, ALICE, 600_000e6);
        bob = leafOf(bytes32(uint256(1) << 254), 2, BOB, 399_999e6);
        treasury = leafOf(bytes32(uint256(1) << 255), 3, address(0), 1e6);
        bytes32 pair = inner(1, hashOf(alice), alice.sum, hashOf(bob), bob.sum);
        root = inner(0, pair, alice.sum + bob.sum, hashOf(treasury), treasury.sum);
        alicePath.push(SumTree.Step({bit: 1, hash: hashOf(bob), sum: bob.sum}));
        alicePath.push(SumTree.Step({bit: 0, hash: hashOf(treasury), sum: treasury.sum}));
        bobPath.push(SumTree.Step({bit: 1, hash: hashOf(alice), sum: alice.sum}));
        bobPath.push(SumTree.Step({bit: 0, hash: hashOf(treasury), sum: treasury.sum}));
        treasuryPath.push(SumTree.Step({bit: 0, hash: pair, sum: alice.sum + bob.sum}));
        deploy(root);
    }

    function leafOf(bytes32 id, uint8 kind, address to, uint128 sum)
        private
        pure
        returns (AnchorTypes.ExitLeaf memory)
    {
        return AnchorTypes.ExitLeaf({id: id, kind: kind, exitAddress: to, cellHash: keccak256("cell"), sum: sum});
    }

    function hashOf(AnchorTypes.ExitLeaf memory leaf) private pure returns (bytes32) {
        bytes32 value = sha256(abi.encodePacked(leaf.kind, leaf.exitAddress, leaf.cellHash));
        return sha256(bytes.concat(hex"00", leaf.id, value, bytes16(leaf.sum)));
    }

    function inner(uint8 bit, bytes32 left, uint128 leftSum, bytes32 right, uint128 rightSum)
        private
        pure
        returns (bytes32)
    {
        return sha256(bytes.concat(hex"01", bytes1(bit), left, bytes16(leftSum), right, bytes16(rightSum)));
    }

    function startExit() private {
        vm.warp(block.timestamp + SILENCE + 1);
        vault.startExit();
    }

    function test_exitStartsOnlyAfterTheSilence() public {
        vm.expectRevert(AnchorTypes.NotInExit.selector);
        vault.exit(alice, alicePath);
        vm.warp(START + SILENCE);
        vm.expectRevert(AnchorTypes.TooEarly.selector);
        vault.startExit();
        vm.warp(START + SILENCE + 1);
        vault.startExit();
        refuse(next(), AnchorTypes.InExit.selector);
        vm.expectRevert(AnchorTypes.InExit.selector);
        vault.startExit();
        vm.expectRevert(AnchorTypes.InExit.selector);
        vault.deposit(keccak256("x"), 1);
    }

    function test_eachLeafPaysOnce() public {
        startExit();
        vault.exit(alice, alicePath);
        vault.exit(bob, bobPath);
        vm.assertEq(token.balanceOf(ALICE), alice.sum);
        vm.assertEq(token.balanceOf(BOB), bob.sum);
        vm.assertEq(token.balanceOf(address(vault)), treasury.sum);
        vm.expectRevert(AnchorTypes.AlreadyPaid.selector);
        vault.exit(alice, alicePath);
        vm.expectRevert(AnchorTypes.NoExitAddress.selector);
        vault.exit(treasury, treasuryPath);
    }

    function test_nothingInALeafCanBeChanged() public {
        startExit();
        AnchorTypes.ExitLeaf memory wrong = alice;
        wrong.exitAddress = address(this);
        refuseExit(wrong, alicePath);
        wrong = alice;
        wrong.sum += 1;
        refuseExit(wrong, alicePath);
        wrong = alice;
        wrong.id = bytes32(uint256(1));
        refuseExit(wrong, alicePath);
        wrong = alice;
        wrong.kind = 2;
        refuseExit(wrong, alicePath);
        SumTree.Step[] memory path = alicePath;
        path[0].sum -= 1;
        path[1].sum += 1;
        refuseExit(alice, path);
        path = new SumTree.Step[](1);
        path[0] = alicePath[0];
        refuseExit(alice, path);
    }

    function test_pathsHaveFallingBitsAndSumsThatFit() public {
        startExit();
        SumTree.Step[] memory path = alicePath;
        path[1].bit = 1;
        vm.expectRevert(SumTree.PathInvalid.selector);
        vault.exit(alice, path);
        path = alicePath;
        path[1].sum = type(uint128).max;
        vm.expectRevert(SumTree.PathInvalid.selector);
        vault.exit(alice, path);
    }

    function test_aRootWhoseSumIsNotTheLiabilitiesPaysNothing() public {
        // A corrupt committee anchors a tree that promises more than there is.
        AnchorTypes.ExitLeaf memory greedy = leafOf(bytes32(0), 1, ALICE, SUPPLY + 1);
        AnchorTypes.Anchor memory anchor = next();
        anchor.stateRoot = hashOf(greedy);
        submit(anchor);
        startExit();
        vm.assertEq(vault.lastFinal().stateRoot, anchor.stateRoot);
        refuseExit(greedy, new SumTree.Step[](0));
    }

    function test_withdrawalsStayPayableAndLateDepositsGoBack() public {
        fund(ALICE, 1000);
        AnchorTypes.Anchor memory anchor = next();
        anchor.liabilities -= 500;
        anchor.withdrawn += 500;
        anchor.withdrawalRoot = withdrawalLeaf(BOB, 500);
        submit(anchor);
        vm.prank(ALICE);
        token.approve(address(vault), 1000);
        vm.prank(ALICE);
        vault.deposit(keccak256("alice"), 250);
        vm.expectRevert(AnchorTypes.NotInExit.selector);
        vault.reclaimDeposit(1);
        startExit();
        vault.withdraw(BOB, 500, new bytes32[](0));
        vm.assertEq(token.balanceOf(BOB), 500);
        vault.reclaimDeposit(1);
        vm.assertEq(token.balanceOf(ALICE), 1000);
        vm.expectRevert(AnchorTypes.AlreadyPaid.selector);
        vault.reclaimDeposit(1);
        vm.expectRevert(AnchorTypes.CursorInvalid.selector);
        vault.reclaimDeposit(0);
        vm.expectRevert(AnchorTypes.CursorInvalid.selector);
        vault.reclaimDeposit(2);
    }

    function testFuzz_noPathButTheRightOnePays(uint8 bit, bytes32 hash, uint128 sum) public {
        vm.assume(bit != 0 || hash != hashOf(treasury) || sum != treasury.sum);
        startExit();
        SumTree.Step[] memory path = alicePath;
        path[1] = SumTree.Step({bit: bit, hash: hash, sum: sum});
        (bool isPaid,) = address(vault).call(abi.encodeCall(vault.exit, (alice, path)));
        vm.assertFalse(isPaid);
    }

    function refuseExit(AnchorTypes.ExitLeaf memory leaf, SumTree.Step[] memory path) private {
        vm.expectRevert(AnchorTypes.ProofInvalid.selector);
        vault.exit(leaf, path);
    }
}
