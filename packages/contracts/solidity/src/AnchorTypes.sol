// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CTZ} from "./CTZ.sol";

/// @title What the anchor contract takes, keeps, tells and refuses
/// @notice Shapes only; the rules are in CatalyzeAnchor.
abstract contract AnchorTypes {
    /// @dev Cumulative figures, from genesis on. `checkpointHash` of one epoch is `previousHash` of the next.
    struct Anchor {
        uint64 epoch;
        uint64 height;
        uint64 depositCursor;
        bytes32 previousHash;
        bytes32 checkpointHash;
        bytes32 stateRoot;
        bytes32 withdrawalRoot;
        uint128 liabilities;
        uint128 minted;
        uint128 burned;
        uint128 withdrawn;
        bytes32 nextCommitteeHash;
    }

    /// @dev What the contract keeps of the newest anchor, and of the newest final one. `committeeHash` is of
    /// the list that signs what follows.
    struct State {
        uint64 epoch;
        uint64 height;
        uint64 depositCursor;
        uint64 at;
        bytes32 checkpointHash;
        bytes32 stateRoot;
        bytes32 withdrawalRoot;
        bytes32 committeeHash;
        uint128 liabilities;
        uint128 minted;
        uint128 burned;
        uint128 withdrawn;
    }

    /// @dev One slot an epoch: enough to recognise an anchor that is shown again.
    struct Record {
        uint40 at;
        bytes27 digest;
    }

    struct Member {
        address signer;
        uint64 weight;
    }

    /// @dev Compact signature (EIP-2098) of the member at an index of the list.
    struct Signature {
        uint256 member;
        bytes32 r;
        bytes32 vs;
    }

    /// @dev `cumulative` is the sum of all deposits up to and with this one.
    struct Deposit {
        bytes32 account;
        address from;
        uint96 cumulative;
    }

    /// @dev `cellHash` is SHA-256 of the cell's encoding; kinds are 1 account, 2 lock.
    struct ExitLeaf {
        bytes32 id;
        uint8 kind;
        address exitAddress;
        bytes32 cellHash;
        uint128 sum;
    }

    struct Parameters {
        uint64 challengeWindow;
        uint64 silenceBeforeExit;
        uint64 pauseMax;
        uint256 objectionBond;
        address guardian;
        CTZ.Emission emission;
    }

    event Anchored(uint64 indexed epoch, bytes32 indexed stateRoot, Anchor anchor);
    event Finalized(uint64 indexed epoch, uint256 minted, uint256 burned);
    event Deposited(uint64 indexed index, bytes32 indexed account, address indexed from, uint256 amount);
    event Withdrawn(address indexed to, uint256 amount, uint256 cumulative);
    event Objected(address indexed objector, uint64 indexed epoch);
    event Resumed(uint64 indexed epoch);
    event ExitStarted(uint64 indexed epoch, bytes32 stateRoot);
    event Exited(bytes32 indexed leafId, address indexed to, uint256 amount);
    event Reclaimed(uint64 indexed index, address indexed to, uint256 amount);

    error ParametersInvalid();
    error EpochTaken(uint64 epoch);
    error EpochNotNext(uint64 epoch, uint64 expected);
    error PreviousMismatch();
    error RootMissing();
    error HeightNotGreater();
    error CommitteeMismatch();
    error CommitteeMissing();
    error SignersNotAscending();
    error SignatureInvalid(uint256 member);
    error WeightTooSmall(uint256 signed, uint256 total);
    error CursorInvalid();
    error CounterFell();
    error BeyondSchedule(uint256 minted, uint256 allowed);
    error BackingMismatch(uint256 liabilities, uint256 backing);
    error NotRecorded();
    error WindowOpen();
    error NotNewer();
    error Paused();
    error NotPaused();
    error InExit();
    error NotInExit();
    error TooEarly();
    error TooLate();
    error AmountInvalid();
    error NothingToObjectTo();
    error NotAllowed();
    error BondInvalid();
    error ProofInvalid();
    error AlreadyPaid();
    error NoExitAddress();
}
