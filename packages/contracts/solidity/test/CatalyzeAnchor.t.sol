// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorTypes} from "../src/AnchorTypes.sol";
import {CatalyzeAnchor} from "../src/CatalyzeAnchor.sol";
import {Network} from "./Network.sol";

contract CatalyzeAnchorTest is Network {
    address private constant ALICE = address(0xA11CE);

    function setUp() public {
        deploy(keccak256("genesis state"));
    }

    // --- submit ---

    function test_genesisIsBacked() public view {
        vm.assertEq(token.balanceOf(address(vault)), SUPPLY);
        AnchorTypes.State memory last = vault.last();
        vm.assertEq(last.liabilities, SUPPLY);
        vm.assertEq(last.checkpointHash, GENESIS);
        vm.assertEq(last.depositCursor, 1);
        (bytes32 account,, uint256 amount) = vault.depositAt(0);
        vm.assertEq(account, GENESIS);
        vm.assertEq(amount, SUPPLY);
    }

    function test_acceptsThreeOfFour_andShowingItAgainChangesNothing() public {
        AnchorTypes.Anchor memory anchor = next();
        submit(anchor);
        AnchorTypes.State memory last = vault.last();
        vm.assertEq(last.epoch, 1);
        vm.assertEq(last.stateRoot, anchor.stateRoot);
        vm.warp(block.timestamp + 5);
        submit(anchor);
        vm.assertEq(vault.last().at, START);
        submit(next());
        // An old one too, even without a signature: it is recognised, not counted.
        vault.submit(anchor, members, new AnchorTypes.Signature[](0));
        vm.assertEq(vault.last().epoch, 2);
    }

    function test_oneAnchorAnEpoch() public {
        AnchorTypes.Anchor memory first = next();
        submit(first);
        first.stateRoot = keccak256("another");
        refuse(first, abi.encodeWithSelector(AnchorTypes.EpochTaken.selector, 1));
        first.epoch = 0;
        refuse(first, abi.encodeWithSelector(AnchorTypes.EpochTaken.selector, 0));
    }

    function test_epochsFollowOneAnother() public {
        AnchorTypes.Anchor memory anchor = next();
        anchor.epoch = 2;
        refuse(anchor, abi.encodeWithSelector(AnchorTypes.EpochNotNext.selector, 2, 1));
        anchor = next();
        anchor.previousHash = keccak256("a fork");
        refuse(anchor, AnchorTypes.PreviousMismatch.selector);
    }

    function test_refusesEmptyFields() public {
        AnchorTypes.Anchor memory anchor = next();
        anchor.stateRoot = 0;
        refuse(anchor, AnchorTypes.RootMissing.selector);
        anchor = next();
        anchor.checkpointHash = 0;
        refuse(anchor, AnchorTypes.RootMissing.selector);
        anchor = next();
        anchor.nextCommitteeHash = 0;
        refuse(anchor, AnchorTypes.CommitteeMissing.selector);
        anchor = next();
        anchor.height = vault.last().height;
        refuse(anchor, AnchorTypes.HeightNotGreater.selector);
    }

    function test_twoOfFourAreTooFew() public {
        AnchorTypes.Anchor memory anchor = next();
        AnchorTypes.Signature[] memory signatures = signed(anchor, 2);
        vm.expectRevert(abi.encodeWithSelector(AnchorTypes.WeightTooSmall.selector, 20, 40));
        vault.submit(anchor, members, signatures);
    }

    function test_exactlyTwoThirdsAreTooFew() public {
        // Weights 10, 10, 10, 15: the first three are exactly 2/3 of 45.
        members[3].weight = 15;
        bytes32 heavier = committeeHash();
        members[3].weight = 10;
        AnchorTypes.Anchor memory anchor = next();
        anchor.nextCommitteeHash = heavier;
        submit(anchor);
        members[3].weight = 15;
        anchor = next();
        refuse(anchor, abi.encodeWithSelector(AnchorTypes.WeightTooSmall.selector, 30, 45));
    }

    function test_aMemberCountsOnce() public {
        AnchorTypes.Anchor memory anchor = next();
        AnchorTypes.Signature[] memory signatures = signed(anchor, 3);
        signatures[2] = signatures[1];
        vm.expectRevert(AnchorTypes.SignersNotAscending.selector);
        vault.submit(anchor, members, signatures);
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        vm.expectRevert(AnchorTypes.SignersNotAscending.selector);
        vault.submit(anchor, members, signatures);
    }

    function test_refusesStrangersAndForgeries() public {
        AnchorTypes.Anchor memory anchor = next();
        bytes32 digest = vault.digestOf(anchor);
        AnchorTypes.Signature[] memory signatures = signed(anchor, 3);
        AnchorTypes.Signature memory right = signatures[1];

        signatures[1] = signOne(digest, 1, 999);
        vm.expectRevert(abi.encodeWithSelector(AnchorTypes.SignatureInvalid.selector, 1));
        vault.submit(anchor, members, signatures);

        signatures[1] = signOne(digest, 7, keys[1]);
        vm.expectRevert(abi.encodeWithSelector(AnchorTypes.SignatureInvalid.selector, 7));
        vault.submit(anchor, members, signatures);

        // High s: the same signature with the order of the curve less s.
        signatures[1] = right;
        uint256 s = uint256(right.vs) & (type(uint256).max >> 1);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        signatures[1].vs = bytes32((order - s) | ((uint256(right.vs) >> 255 ^ 1) << 255));
        vm.expectRevert(abi.encodeWithSelector(AnchorTypes.SignatureInvalid.selector, 1));
        vault.submit(anchor, members, signatures);

        signatures[1] = AnchorTypes.Signature({member: 1, r: 0, vs: 0});
        vm.expectRevert(abi.encodeWithSelector(AnchorTypes.SignatureInvalid.selector, 1));
        vault.submit(anchor, members, signatures);
    }

    function test_refusesAnotherCommittee() public {
        AnchorTypes.Anchor memory anchor = next();
        AnchorTypes.Signature[] memory signatures = signed(anchor, 3);
        members[3].weight = 1;
        vm.expectRevert(AnchorTypes.CommitteeMismatch.selector);
        vault.submit(anchor, members, signatures);
    }

    function test_signaturesAreForThisContractOnThisChain() public {
        AnchorTypes.Anchor memory anchor = next();
        AnchorTypes.Signature[] memory signatures = signed(anchor, 3);
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(AnchorTypes.SignatureInvalid.selector, 0));
        vault.submit(anchor, members, signatures);
        vm.chainId(31337);
        CatalyzeAnchor first = vault;
        deploy(keccak256("genesis state"));
        vm.assertTrue(address(first) != address(vault));
        vm.expectRevert(abi.encodeWithSelector(AnchorTypes.SignatureInvalid.selector, 0));
        vault.submit(anchor, members, signatures);
    }

    function testFuzz_liabilitiesAreBackedExactly(uint128 liabilities, uint128 minted, uint128 burned) public {
        vm.warp(START + 1 days);
        AnchorTypes.Anchor memory anchor = next();
        anchor.minted = uint128(bound(minted, 0, RATE * 1 days));
        anchor.burned = uint128(bound(burned, 0, SUPPLY));
        anchor.liabilities = SUPPLY + anchor.minted - anchor.burned;
        AnchorTypes.Anchor memory wrong = next();
        (wrong.minted, wrong.burned) = (anchor.minted, anchor.burned);
        wrong.liabilities = uint128(bound(liabilities, 0, type(uint128).max));
        vm.assume(wrong.liabilities != anchor.liabilities);
        refuse(
            wrong,
            abi.encodeWithSelector(
                AnchorTypes.BackingMismatch.selector,
                uint256(wrong.liabilities) + wrong.burned,
                uint256(SUPPLY) + wrong.minted
            )
        );
        submit(anchor);
        vm.assertEq(vault.last().liabilities, anchor.liabilities);
    }

    function testFuzz_neverBeyondTheSchedule(uint64 elapsed, uint128 extra) public {
        elapsed = uint64(bound(elapsed, 0, 10_000 days));
        vm.warp(START + elapsed);
        uint256 allowed = token.emissionAt(block.timestamp);
        vm.assertLe(allowed, EMISSION_MAX);
        AnchorTypes.Anchor memory anchor = next();
        anchor.minted = uint128(allowed + bound(extra, 1, 1e30));
        anchor.liabilities = SUPPLY + anchor.minted;
        refuse(anchor, abi.encodeWithSelector(AnchorTypes.BeyondSchedule.selector, anchor.minted, allowed));
        anchor.minted = uint128(allowed);
        anchor.liabilities = SUPPLY + anchor.minted;
        submit(anchor);
    }

    function test_countersAndCursorNeverFall() public {
        vm.warp(START + 1 days);
        AnchorTypes.Anchor memory anchor = withWithdrawal(next(), ALICE, 500);
        (anchor.minted, anchor.burned) = (70, 30);
        anchor.liabilities = anchor.liabilities + 70 - 30;
        submit(anchor);
        anchor = next();
        (anchor.minted, anchor.liabilities) = (69, anchor.liabilities - 1);
        refuse(anchor, AnchorTypes.CounterFell.selector);
        anchor = next();
        (anchor.burned, anchor.liabilities) = (29, anchor.liabilities + 1);
        refuse(anchor, AnchorTypes.CounterFell.selector);
        anchor = next();
        (anchor.withdrawn, anchor.liabilities) = (499, anchor.liabilities + 1);
        refuse(anchor, AnchorTypes.CounterFell.selector);
        anchor = next();
        anchor.depositCursor = 0;
        refuse(anchor, AnchorTypes.CursorInvalid.selector);
        anchor.depositCursor = 2;
        refuse(anchor, AnchorTypes.CursorInvalid.selector);
    }

    // --- final ---

    function test_mintAndBurnRunWhenFinal() public {
        vm.warp(START + 1 days);
        AnchorTypes.Anchor memory first = next();
        (first.minted, first.burned, first.liabilities) = (1000, 200, SUPPLY + 800);
        submit(first);
        AnchorTypes.Anchor memory second = next();
        (second.minted, second.burned, second.liabilities) = (1500, 900, SUPPLY + 600);
        submit(second);
        vm.assertEq(token.totalSupply(), SUPPLY);
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectRevert(AnchorTypes.WindowOpen.selector);
        vault.finalize(second);
        vm.warp(block.timestamp + 1);
        vault.finalize(second);
        vm.assertEq(token.balanceOf(address(vault)), SUPPLY + 600);
        vm.assertEq(token.emitted(), 1500);
        vm.assertEq(vault.lastFinal().epoch, 2);
        vm.expectRevert(AnchorTypes.NotNewer.selector);
        vault.finalize(first);
    }

    function test_onlyWhatWasAcceptedBecomesFinal() public {
        AnchorTypes.Anchor memory anchor = next();
        submit(anchor);
        vm.warp(block.timestamp + WINDOW);
        anchor.withdrawalRoot = keccak256("mine");
        vm.expectRevert(AnchorTypes.NotRecorded.selector);
        vault.finalize(anchor);
        anchor.epoch = 9;
        vm.expectRevert(AnchorTypes.NotRecorded.selector);
        vault.finalize(anchor);
    }

    function test_submitFinalizesAPredecessorPastItsWindow() public {
        submit(next());
        submit(next());
        vm.assertEq(vault.lastFinal().epoch, 0);
        vm.warp(block.timestamp + WINDOW);
        submit(next());
        vm.assertEq(vault.lastFinal().epoch, 2);
    }

    // --- deposits and withdrawals ---

    function test_depositsAreAListWithACursor() public {
        fund(ALICE, 1000);
        vm.prank(ALICE);
        token.approve(address(vault), 1000);
        vm.prank(ALICE);
        vm.assertEq(vault.deposit(keccak256("alice"), 400), 1);
        vm.prank(ALICE);
        vault.deposit(keccak256("alice"), 600);
        vm.assertEq(vault.depositCount(), 3);
        vm.assertEq(vault.depositedUpTo(1), SUPPLY);
        vm.assertEq(vault.depositedUpTo(2), SUPPLY + 400);
        vm.assertEq(vault.depositedUpTo(3), SUPPLY + 1000);
        vm.expectRevert(AnchorTypes.CursorInvalid.selector);
        vault.depositedUpTo(4);
        AnchorTypes.Anchor memory anchor = next();
        anchor.depositCursor = 2;
        anchor.liabilities += 400;
        submit(anchor);
        anchor = next();
        anchor.depositCursor = 3;
        refuse(
            anchor,
            abi.encodeWithSelector(
                AnchorTypes.BackingMismatch.selector, uint256(SUPPLY) + 400, uint256(SUPPLY) + 1000
            )
        );
        anchor.liabilities += 600;
        submit(anchor);
        vm.expectRevert(AnchorTypes.AmountInvalid.selector);
        vault.deposit(keccak256("alice"), 0);
        vm.expectRevert(AnchorTypes.AmountInvalid.selector);
        vault.deposit(0, 1);
    }

    function test_depositWithPermit_evenWhenSomebodyUsedThePermitFirst() public {
        uint256 key = 4242;
        address owner = vm.addr(key);
        fund(owner, 1000);
        bytes32 permit = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                address(vault),
                700,
                0,
                block.timestamp
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), permit));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        token.permit(owner, address(vault), 700, block.timestamp, v, r, s);
        vm.prank(owner);
        vault.depositWithPermit(keccak256("owner"), 700, block.timestamp, v, r, s);
        (, address from, uint256 amount) = vault.depositAt(1);
        vm.assertEq(from, owner);
        vm.assertEq(amount, 700);
    }

    function test_withdrawalsAreCumulativeAndPayOnce() public {
        submit(withWithdrawal(next(), ALICE, 300));
        vm.expectRevert(AnchorTypes.ProofInvalid.selector);
        vault.withdraw(ALICE, 300, new bytes32[](0));
        vm.warp(block.timestamp + WINDOW);
        submit(withWithdrawal(next(), ALICE, 450));
        vault.withdraw(ALICE, 300, new bytes32[](0));
        vm.assertEq(token.balanceOf(ALICE), 300);
        vm.expectRevert(AnchorTypes.AlreadyPaid.selector);
        vault.withdraw(ALICE, 300, new bytes32[](0));
        vm.warp(block.timestamp + WINDOW);
        submit(next());
        vault.withdraw(ALICE, 450, new bytes32[](0));
        vm.assertEq(token.balanceOf(ALICE), 450);
        vm.expectRevert(AnchorTypes.ProofInvalid.selector);
        vault.withdraw(address(0xB0B), 450, new bytes32[](0));
    }

    function test_withdrawalsNeverPassWhatWasWithdrawn() public {
        // A corrupt tree with a leaf above the total.
        AnchorTypes.Anchor memory anchor = withWithdrawal(next(), ALICE, 300);
        anchor.withdrawalRoot = withdrawalLeaf(ALICE, 301);
        submit(anchor);
        vm.warp(block.timestamp + WINDOW);
        submit(next());
        vm.expectRevert(AnchorTypes.AmountInvalid.selector);
        vault.withdraw(ALICE, 301, new bytes32[](0));
    }

    // --- objection ---

    function object(uint64 epoch, uint256 member) private {
        vm.deal(members[member].signer, BOND);
        vm.prank(members[member].signer);
        vault.objectTo{value: BOND}(epoch, members, member);
    }

    function test_oneMemberStopsAPendingAnchor() public {
        AnchorTypes.Anchor memory anchor = next();
        submit(anchor);
        object(1, 3);
        refuse(next(), AnchorTypes.Paused.selector);
        vm.warp(block.timestamp + WINDOW + 1);
        vm.expectRevert(AnchorTypes.WindowOpen.selector);
        vault.finalize(anchor);
        vm.expectRevert(AnchorTypes.Paused.selector);
        vault.deposit(keccak256("x"), 1);

        vm.expectRevert(AnchorTypes.NotAllowed.selector);
        vault.resume();
        vm.prank(GUARDIAN);
        vault.resume();
        vm.assertEq(address(vault).balance, 0);
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectRevert(AnchorTypes.WindowOpen.selector);
        vault.finalize(anchor);
        vm.warp(block.timestamp + 1);
        vault.finalize(anchor);
        submit(next());
    }

    function test_whatOutlivedItsWindowBeforeAPauseIsFinal() public {
        AnchorTypes.Anchor memory first = next();
        submit(first);
        vm.warp(block.timestamp + WINDOW / 2);
        AnchorTypes.Anchor memory second = next();
        submit(second);
        vm.warp(block.timestamp + WINDOW / 2);
        object(2, 0);
        vm.expectRevert(AnchorTypes.WindowOpen.selector);
        vault.finalize(second);
        vault.finalize(first);
        vm.assertEq(vault.lastFinal().epoch, 1);
    }

    function test_objectionsNeedAReasonAMemberAndABond() public {
        vm.deal(address(this), 3 ether);
        vm.prank(GUARDIAN);
        vm.expectRevert(AnchorTypes.NothingToObjectTo.selector);
        vault.objectTo(1, new AnchorTypes.Member[](0), 0);
        submit(next());
        vm.expectRevert(AnchorTypes.NotAllowed.selector);
        vault.objectTo{value: BOND}(1, members, 0);
        vm.expectRevert(AnchorTypes.NotAllowed.selector);
        vault.objectTo{value: BOND}(1, members, 4);
        vm.prank(members[0].signer);
        vm.expectRevert(AnchorTypes.BondInvalid.selector);
        vault.objectTo(1, members, 0);
        AnchorTypes.Member[] memory own = new AnchorTypes.Member[](1);
        own[0] = AnchorTypes.Member({signer: address(this), weight: 1});
        vm.expectRevert(AnchorTypes.CommitteeMismatch.selector);
        vault.objectTo{value: BOND}(1, own, 0);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(GUARDIAN);
        vm.expectRevert(AnchorTypes.NothingToObjectTo.selector);
        vault.objectTo(1, own, 0);
    }

    function test_handingOverTwiceShutsNobodyOut() public {
        AnchorTypes.Member[] memory honest = members;
        for (uint256 i = 0; i < 2; ++i) {
            AnchorTypes.Anchor memory anchor = next();
            members[0].weight += 1;
            anchor.nextCommitteeHash = committeeHash();
            members[0].weight -= 1;
            submit(anchor);
            members[0].weight += 1;
        }
        vm.deal(honest[3].signer, BOND);
        vm.prank(honest[3].signer);
        vault.objectTo{value: BOND}(1, honest, 3);
        vm.assertTrue(vault.pausedAt() != 0);
    }

    function test_aPauseThatNobodyEndsBecomesExit() public {
        submit(next());
        object(1, 2);
        vm.warp(block.timestamp + PAUSE_MAX);
        vm.expectRevert(AnchorTypes.TooEarly.selector);
        vault.startExit();
        vm.warp(block.timestamp + 1);
        vm.prank(GUARDIAN);
        vm.expectRevert(AnchorTypes.TooLate.selector);
        vault.resume();
        vault.startExit();
        vm.assertEq(vault.lastFinal().epoch, 0);
        vm.expectRevert(AnchorTypes.NotAllowed.selector);
        vault.reclaimBond();
        vm.prank(members[2].signer);
        vault.reclaimBond();
        vm.assertEq(members[2].signer.balance, BOND);
        vm.prank(members[2].signer);
        vm.expectRevert(AnchorTypes.NotAllowed.selector);
        vault.reclaimBond();
    }

    function test_badParametersAreRefused() public {
        AnchorTypes.Parameters memory parameters;
        parameters.challengeWindow = 10;
        parameters.silenceBeforeExit = 10;
        vm.expectRevert(AnchorTypes.ParametersInvalid.selector);
        new CatalyzeAnchor(GENESIS, GENESIS, 1, GENESIS, parameters);
        parameters.silenceBeforeExit = 11;
        vm.expectRevert(AnchorTypes.ParametersInvalid.selector);
        new CatalyzeAnchor(GENESIS, 0, 1, GENESIS, parameters);
    }
}
