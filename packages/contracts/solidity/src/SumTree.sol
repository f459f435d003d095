// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Proofs of the ledger's SHA-256 Merkle sum tree
/// @notice The same bytes as `packages/core/src/ledger/sumTree.ts`:
///   leaf  = SHA256(0x00 ‖ id 32 ‖ valueHash 32 ‖ sum u128)
///   inner = SHA256(0x01 ‖ bit u8 ‖ left hash 32 ‖ left sum u128 ‖ right hash 32 ‖ right sum u128)
/// `bit` is where the ids below part, 0 being the highest bit; ids with 0 there are left. Both child sums are
/// hashed, so the sums of different leaves of one root never add up to more than the root's sum.
library SumTree {
    /// @dev One level of a path, from the leaf upwards: the sibling, and where the two part.
    struct Step {
        uint8 bit;
        bytes32 hash;
        uint128 sum;
    }

    error PathInvalid();

    /// @notice Root and sum of the tree that this leaf and path belong to.
    function rootOf(bytes32 id, bytes32 valueHash, uint128 sum, Step[] calldata path)
        internal
        pure
        returns (bytes32 root, uint256 total)
    {
        root = sha256(abi.encodePacked(uint8(0), id, valueHash, sum));
        total = sum;
        uint256 below = 256;
        for (uint256 i = 0; i < path.length; ++i) {
            Step calldata step = path[i];
            // Bits grow from the root to the leaves, so a path has at most 256 steps.
            if (step.bit >= below) revert PathInvalid();
            below = step.bit;
            bool isRight = (uint256(id) >> (255 - step.bit)) & 1 == 1;
            bytes memory node = isRight
                ? abi.encodePacked(uint8(1), step.bit, step.hash, step.sum, root, uint128(total))
                : abi.encodePacked(uint8(1), step.bit, root, uint128(total), step.hash, step.sum);
            root = sha256(node);
            total += step.sum;
            if (total > type(uint128).max) revert PathInvalid();
        }
    }
}
