// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CTZ} from "../src/CTZ.sol";
import {AnchorTypes} from "../src/AnchorTypes.sol";
import {CatalyzeAnchor} from "../src/CatalyzeAnchor.sol";
import {Test} from "./Vm.sol";

/// @notice A committee of four with equal weights, a deployed anchor, and a ledger that is only its figures.
abstract contract Network is Test {
    uint96 internal constant SUPPLY = 1_000_000e6;
    uint64 internal constant WINDOW = 1 days;
    uint64 internal constant SILENCE = 7 days;
    uint64 internal constant PAUSE_MAX = 14 days;
    uint256 internal constant BOND = 1 ether;
    uint64 internal constant START = 1_000_000;
    uint128 internal constant RATE = 1000;
    uint128 internal constant EMISSION_MAX = 1e12;
    bytes32 internal constant GENESIS = keccak256("genesis");
    address internal constant GUARDIAN = address(0x6A);

    CatalyzeAnchor internal vault;
    CTZ internal token;
    uint256[] internal keys;
    AnchorTypes.Member[] internal members;

    function deploy(bytes32 genesisRoot) internal {
        vm.warp(START);
        delete keys;
        delete members;
        for (uint256 i = 0; i < 4; ++i) {
            addMember(100 + i);
        }
        AnchorTypes.Parameters memory parameters = AnchorTypes.Parameters({
            challengeWindow: WINDOW,
            silenceBeforeExit: SILENCE,
            pauseMax: PAUSE_MAX,
            objectionBond: BOND,
            guardian: GUARDIAN,
            emission: CTZ.Emission({start: START, ratePerSecond: RATE, max: EMISSION_MAX})
        });
        vault = new CatalyzeAnchor(GENESIS, genesisRoot, SUPPLY, committeeHash(), parameters);
        token = vault.token();
    }

    function addMember(uint256 key) private {
        keys.push(key);
        members.push(AnchorTypes.Member({signer: vm.addr(key), weight: 10}));
    }

    function committeeHash() internal view returns (bytes32) {
        return keccak256(abi.encode(members));
    }

    /// @dev A valid anchor for the next epoch that changes nothing but the roots.
    function next() internal view returns (AnchorTypes.Anchor memory) {
        AnchorTypes.State memory last = vault.last();
        return AnchorTypes.Anchor({
            epoch: last.epoch + 1,
            height: last.height + 15,
            depositCursor: last.depositCursor,
            previousHash: last.checkpointHash,
            checkpointHash: keccak256(abi.encode("checkpoint", last.epoch + 1)),
            stateRoot: keccak256(abi.encode("state", last.epoch + 1)),
            withdrawalRoot: last.withdrawalRoot,
            liabilities: last.liabilities,
            minted: last.minted,
            burned: last.burned,
            withdrawn: last.withdrawn,
            nextCommitteeHash: committeeHash()
        });
    }

    function signed(AnchorTypes.Anchor memory anchor, uint256 count)
        internal
        view
        returns (AnchorTypes.Signature[] memory signatures)
    {
        bytes32 digest = vault.digestOf(anchor);
        signatures = new AnchorTypes.Signature[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = signOne(digest, i, keys[i]);
        }
    }

    function signOne(bytes32 digest, uint256 member, uint256 key)
        internal
        pure
        returns (AnchorTypes.Signature memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes32 vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
        return AnchorTypes.Signature({member: member, r: r, vs: vs});
    }

    function submit(AnchorTypes.Anchor memory anchor) internal {
        vault.submit(anchor, members, signed(anchor, 3));
    }

    /// @dev Signs first: `digestOf` would otherwise be the call that is expected to revert.
    function refuse(AnchorTypes.Anchor memory anchor, bytes4 selector) internal {
        AnchorTypes.Signature[] memory signatures = signed(anchor, 3);
        vm.expectRevert(selector);
        vault.submit(anchor, members, signatures);
    }

    function refuse(AnchorTypes.Anchor memory anchor, bytes memory problem) internal {
        AnchorTypes.Signature[] memory signatures = signed(anchor, 3);
        vm.expectRevert(problem);
        vault.submit(anchor, members, signatures);
    }

    /// @dev Withdraws on the ledger: `cumulative` for `to`, alone in the tree.
    function withWithdrawal(AnchorTypes.Anchor memory anchor, address to, uint128 cumulative)
        internal
        pure
        returns (AnchorTypes.Anchor memory)
    {
        anchor.liabilities -= cumulative - anchor.withdrawn;
        anchor.withdrawn = cumulative;
        anchor.withdrawalRoot = withdrawalLeaf(to, cumulative);
        return anchor;
    }

    function withdrawalLeaf(address to, uint128 cumulative) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(to, cumulative))));
    }

    /// @dev Takes tokens out of the vault by the front door, so that tests have some to deposit.
    function fund(address to, uint128 amount) internal {
        submit(withWithdrawal(next(), to, amount));
        vm.warp(block.timestamp + WINDOW);
        submit(next());
        vault.withdraw(to, amount, new bytes32[](0));
    }
}
