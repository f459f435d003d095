// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CTZ} from "../src/CTZ.sol";
import {AnchorTypes} from "../src/AnchorTypes.sol";
import {CatalyzeAnchor} from "../src/CatalyzeAnchor.sol";
import {Network} from "./Network.sol";

/// @notice A network that deposits, earns, burns, withdraws, pauses and exits in any order.
contract Handler is Network {
    address private constant HOLDER = address(0xA11CE);
    AnchorTypes.Anchor[] private pending;
    uint256 public anchors;
    uint256 public payouts;

    constructor() {
        deploy(keccak256("genesis state"));
    }

    function vaultOf() external view returns (CatalyzeAnchor) {
        return vault;
    }

    function wait(uint32 time) external {
        vm.warp(block.timestamp + (time % 16 == 0 ? SILENCE + 1 : time % 2 days));
    }

    function anchor(uint64 minted, uint64 burned, uint64 withdrawn, uint8 cursor) external {
        AnchorTypes.Anchor memory a = next();
        uint256 room = token.emissionAt(block.timestamp) - a.minted;
        a.minted += uint128(bound(minted, 0, room));
        uint64 to = uint64(bound(cursor, a.depositCursor, vault.depositCount()));
        uint256 credited = 0;
        for (uint64 i = a.depositCursor; i < to; ++i) {
            (,, uint256 amount) = vault.depositAt(i);
            credited += amount;
        }
        a.depositCursor = to;
        uint256 held = a.liabilities + credited + (a.minted - vault.last().minted);
        uint256 burn = bound(burned, 0, held / 4);
        uint256 out = bound(withdrawn, 0, (held - burn) / 4);
        a.burned += uint128(burn);
        a.withdrawn += uint128(out);
        a.withdrawalRoot = withdrawalLeaf(HOLDER, a.withdrawn);
        a.liabilities = uint128(held - burn - out);
        submit(a);
        pending.push(a);
        ++anchors;
    }

    function finalize(uint256 pick) external {
        vault.finalize(pending[bound(pick, 0, pending.length - 1)]);
    }

    function withdraw() external {
        vault.withdraw(HOLDER, vault.lastFinal().withdrawn, new bytes32[](0));
        ++payouts;
    }

    function deposit(uint96 amount) external {
        uint256 held = token.balanceOf(HOLDER);
        amount = uint96(bound(amount, 1, held));
        vm.prank(HOLDER);
        token.approve(address(vault), amount);
        vm.prank(HOLDER);
        vault.deposit(keccak256("holder"), amount);
    }

    function objectTo(uint8 member) external {
        member = uint8(bound(member, 0, 63));
        // Rarely: a pause ends most of what else can happen.
        if (member > 3) return;
        uint64 epoch = vault.last().epoch;
        vm.deal(members[member].signer, BOND);
        vm.prank(members[member].signer);
        vault.objectTo{value: BOND}(epoch, members, member);
    }

    function resume() external {
        vm.prank(GUARDIAN);
        vault.resume();
    }

    function startExit() external {
        vault.startExit();
    }

    function reclaim(uint64 index) external {
        vault.reclaimDeposit(uint64(bound(index, 0, vault.depositCount())));
    }
}

contract InvariantTest is Network {
    Handler private handler;

    function setUp() public {
        handler = new Handler();
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = Handler.wait.selector;
        selectors[1] = Handler.anchor.selector;
        selectors[2] = Handler.finalize.selector;
        selectors[3] = Handler.withdraw.selector;
        selectors[4] = Handler.deposit.selector;
        selectors[5] = Handler.objectTo.selector;
        selectors[6] = Handler.resume.selector;
        selectors[7] = Handler.startExit.selector;
        selectors[8] = Handler.reclaim.selector;
        target(address(handler), selectors);
    }

    /// @notice The vault holds what the last final anchor owes, what is withdrawn and not yet taken, and the
    /// deposits that no final anchor has credited; to the µCTZ.
    function invariant_theVaultHoldsWhatIsOwed() public view {
        CatalyzeAnchor anchored = handler.vaultOf();
        AnchorTypes.State memory state = anchored.lastFinal();
        uint256 owed = uint256(state.liabilities) - anchored.exitedTotal();
        owed += state.withdrawn - anchored.claimedTotal();
        for (uint64 i = state.depositCursor; i < anchored.depositCount(); ++i) {
            (,, uint256 amount) = anchored.depositAt(i);
            if (!anchored.reclaimed(i)) owed += amount;
        }
        vm.assertEq(anchored.token().balanceOf(address(anchored)), owed);
    }

    function invariant_supplyFollowsTheSchedule() public view {
        CatalyzeAnchor anchored = handler.vaultOf();
        CTZ ctz = anchored.token();
        AnchorTypes.State memory state = anchored.lastFinal();
        vm.assertEq(ctz.emitted(), state.minted);
        vm.assertEq(ctz.totalSupply(), uint256(SUPPLY) + state.minted - state.burned);
        vm.assertLe(ctz.emitted(), ctz.emissionAt(block.timestamp));
    }

    function invariant_finalNeverLeadsLast() public view {
        CatalyzeAnchor anchored = handler.vaultOf();
        vm.assertLe(anchored.lastFinal().epoch, anchored.last().epoch);
        vm.assertLe(anchored.claimedTotal(), anchored.lastFinal().withdrawn);
    }
}
