// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {AnchorTypes} from "./AnchorTypes.sol";
import {CTZ} from "./CTZ.sol";
import {SumTree} from "./SumTree.sol";

/// @title Vault and anchor of one Catalyze network
/// @notice Holds every CTZ that the ledger owes, accepts the last checkpoint of each epoch when more than 2/3
/// of the committee's weight signed it, and pays out only what an anchor says that has outlived its challenge
/// window. It is a committee-secured validium: above 2/3 corruption balances can be misassigned, never minted
/// beyond the schedule; any one member, or the guardian, can stop an anchor within its window.
///
/// States: RUNNING → PAUSED (objection) → RUNNING (guardian) or EXIT (nobody resumed in time);
/// RUNNING → EXIT (silence). EXIT is for ever.
///
/// Left to the chain issue, and absent here on purpose:
/// - cancelling pending anchors and appointing a recovery committee (a pause ends in resume or in EXIT);
/// - proof of two signed anchors for one epoch, and slashing of bonds (an objection stops such an anchor);
/// - exits signed by an account's Ed25519 keys: a leaf without exit address cannot leave;
/// - a delay for stake: an account's stake leaves together with its balance;
/// - the treasury's exit: its leaf has no exit address;
/// - locks leave to the exit address in their leaf, which is the payer's when the lock was opened.
contract CatalyzeAnchor is AnchorTypes, EIP712 {
    using SafeERC20 for CTZ;

    bytes32 private constant ANCHOR_TYPEHASH = keccak256(
        "Anchor(uint64 epoch,uint64 height,uint64 depositCursor,bytes32 previousHash,bytes32 checkpointHash,bytes32 stateRoot,bytes32 withdrawalRoot,uint128 liabilities,uint128 minted,uint128 burned,uint128 withdrawn,bytes32 nextCommitteeHash)"
    );
    address private constant NOWHERE = 0x000000000000000000000000000000000000dEaD;

    CTZ public immutable token;
    bytes32 public immutable genesisHash;
    address public immutable guardian;
    uint64 public immutable challengeWindow;
    uint64 public immutable silenceBeforeExit;
    uint64 public immutable pauseMax;
    uint256 public immutable objectionBond;

    State private _last;
    State private _final;
    mapping(uint64 epoch => Record) public records;

    Deposit[] private _deposits;
    mapping(address => uint128) public claimed;
    uint128 public claimedTotal;

    bool public isExit;
    uint64 public pausedAt;
    uint64 public resumedAt;
    address public objector;
    uint256 public bond;
    mapping(bytes32 leafId => bool) public exited;
    uint128 public exitedTotal;
    mapping(uint64 index => bool) public reclaimed;

    constructor(
        bytes32 genesisHash_,
        bytes32 genesisStateRoot,
        uint96 genesisSupply,
        bytes32 committeeHash_,
        Parameters memory parameters
    ) EIP712("Catalyze Anchor", "1") {
        if (genesisHash_ == 0 || genesisStateRoot == 0 || committeeHash_ == 0) {
            revert ParametersInvalid();
        }
        // An anchor that outlived the silence must also have outlived its window: EXIT then starts from it.
        if (parameters.challengeWindow >= parameters.silenceBeforeExit) revert ParametersInvalid();
        genesisHash = genesisHash_;
        guardian = parameters.guardian;
        challengeWindow = parameters.challengeWindow;
        silenceBeforeExit = parameters.silenceBeforeExit;
        pauseMax = parameters.pauseMax;
        objectionBond = parameters.objectionBond;
        // The supply of the genesis is deposit 0, so that liabilities equal backing from the first anchor on.
        token = new CTZ(address(this), genesisSupply, parameters.emission);
        _deposits.push(Deposit({account: genesisHash_, from: address(0), cumulative: genesisSupply}));
        _last.at = uint64(block.timestamp);
        _last.depositCursor = 1;
        _last.checkpointHash = genesisHash_;
        _last.stateRoot = genesisStateRoot;
        _last.committeeHash = committeeHash_;
        _last.liabilities = genesisSupply;
        _final = _last;
    }

    // --- Anchors -------------------------------------------------------------------------------------------

    /// @notice Posts the anchor of the next epoch. Anybody may; showing an accepted one again changes nothing.
    function submit(Anchor calldata anchor, Member[] calldata members, Signature[] calldata signatures) external {
        bytes32 structHash = hashOf(anchor);
        if (anchor.epoch <= _last.epoch) {
            if (anchor.epoch != 0 && records[anchor.epoch].digest == bytes27(structHash)) return;
            revert EpochTaken(anchor.epoch);
        }
        if (isExit) revert InExit();
        if (pausedAt != 0) revert Paused();
        _checkFields(anchor);
        _checkSignatures(_hashTypedDataV4(structHash), members, signatures);
        if (_last.epoch > _final.epoch && _windowPassed(_last.at)) _finalize(_last);
        _store(anchor, structHash);
    }

    /// @notice Makes an anchor final whose window has passed: mints and burns what it says over the last final
    /// one. Intermediate ones need no call of their own, since all figures are cumulative.
    function finalize(Anchor calldata anchor) external {
        if (isExit) revert InExit();
        Record memory record = records[anchor.epoch];
        if (anchor.epoch == 0 || record.digest != bytes27(hashOf(anchor))) revert NotRecorded();
        if (anchor.epoch <= _final.epoch) revert NotNewer();
        if (!_windowPassed(record.at)) revert WindowOpen();
        _finalize(_stateOf(anchor, record.at));
    }

    function _checkFields(Anchor calldata a) private view {
        State storage last = _last;
        if (a.epoch != last.epoch + 1) revert EpochNotNext(a.epoch, last.epoch + 1);
        if (a.previousHash != last.checkpointHash) revert PreviousMismatch();
        if (a.stateRoot == 0 || a.checkpointHash == 0) revert RootMissing();
        if (a.nextCommitteeHash == 0) revert CommitteeMissing();
        if (a.height <= last.height) revert HeightNotGreater();
        if (a.depositCursor < last.depositCursor || a.depositCursor > _deposits.length) revert CursorInvalid();
        if (a.minted < last.minted || a.burned < last.burned || a.withdrawn < last.withdrawn) {
            revert CounterFell();
        }
        uint256 allowed = token.emissionAt(block.timestamp);
        if (a.minted > allowed) revert BeyondSchedule(a.minted, allowed);
        uint256 owed = uint256(a.liabilities) + a.burned + a.withdrawn;
        uint256 backing = uint256(_deposits[a.depositCursor - 1].cumulative) + a.minted;
        if (owed != backing) revert BackingMismatch(owed, backing);
    }

    /// @dev More than 2/3 of the weight of the list whose hash the last anchor fixed, each member once.
    function _checkSignatures(bytes32 digest, Member[] calldata members, Signature[] calldata signatures)
        private
        view
    {
        if (keccak256(abi.encode(members)) != _last.committeeHash) revert CommitteeMismatch();
        uint256 total = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            total += members[i].weight;
        }
        uint256 signed = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            Signature calldata signature = signatures[i];
            if (i > 0 && signature.member <= signatures[i - 1].member) revert SignersNotAscending();
            if (signature.member >= members.length) revert SignatureInvalid(signature.member);
            Member calldata member = members[signature.member];
            // OpenZeppelin refuses high s; a failed recovery gives the zero address with an error.
            (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, signature.r, signature.vs);
            if (problem != ECDSA.RecoverError.NoError || signer != member.signer) {
                revert SignatureInvalid(signature.member);
            }
            signed += member.weight;
        }
        if (signed * 3 <= total * 2) revert WeightTooSmall(signed, total);
    }

    function _store(Anchor calldata anchor, bytes32 structHash) private {
        _last = _stateOf(anchor, uint64(block.timestamp));
        records[anchor.epoch] = Record({at: uint40(block.timestamp), digest: bytes27(structHash)});
        emit Anchored(anchor.epoch, anchor.stateRoot, anchor);
    }

    function _finalize(State memory state) private {
        uint256 minted = state.minted - _final.minted;
        uint256 burned = state.burned - _final.burned;
        _final = state;
        if (minted > 0) token.mint(address(this), minted);
        if (burned > 0) token.burn(burned);
        emit Finalized(state.epoch, minted, burned);
    }

    function _stateOf(Anchor calldata a, uint64 at) private pure returns (State memory) {
        return State({
            epoch: a.epoch,
            height: a.height,
            depositCursor: a.depositCursor,
            at: at,
            checkpointHash: a.checkpointHash,
            stateRoot: a.stateRoot,
            withdrawalRoot: a.withdrawalRoot,
            committeeHash: a.nextCommitteeHash,
            liabilities: a.liabilities,
            minted: a.minted,
            burned: a.burned,
            withdrawn: a.withdrawn
        });
    }

    /// @dev A pause stops the window; after a resume it starts anew.
    function _windowPassed(uint256 at) private view returns (bool) {
        if (pausedAt != 0) return at + challengeWindow <= pausedAt && resumedAt + challengeWindow <= pausedAt;
        uint256 from = at > resumedAt ? at : resumedAt;
        return from + challengeWindow <= block.timestamp;
    }

    // --- Deposits and withdrawals --------------------------------------------------------------------------

    /// @notice Moves CTZ into the ledger, to an account of it. Credited once the committee's cursor passes it.
    function deposit(bytes32 account, uint96 amount) public returns (uint64 index) {
        if (isExit) revert InExit();
        if (pausedAt != 0) revert Paused();
        if (amount == 0 || account == 0) revert AmountInvalid();
        index = SafeCast.toUint64(_deposits.length);
        uint96 before = _deposits[index - 1].cumulative;
        _deposits.push(Deposit({account: account, from: msg.sender, cumulative: before + amount}));
        token.safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(index, account, msg.sender, amount);
    }

    /// @notice The same with a signed approval. Anybody may have sent the permit first, and it works but once:
    /// its failure says nothing, and the transfer decides.
    function depositWithPermit(bytes32 account, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint64 index)
    {
        try token.permit(msg.sender, address(this), amount, deadline, v, r, s) {}
            catch {
            // Used already, or wrong: then the transfer finds no allowance and reverts.
        }
        return deposit(account, amount);
    }

    /// @notice Pays what an address withdrew on the ledger up to the last final anchor, less what it took
    /// before. The leaf holds a cumulative amount, so any proof works once and an old one never pays twice.
    function withdraw(address to, uint128 cumulative, bytes32[] calldata proof) external {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(to, cumulative))));
        if (!MerkleProof.verifyCalldata(proof, _final.withdrawalRoot, leaf)) revert ProofInvalid();
        uint128 before = claimed[to];
        if (cumulative <= before) revert AlreadyPaid();
        uint128 amount = cumulative - before;
        claimed[to] = cumulative;
        claimedTotal += amount;
        if (claimedTotal > _final.withdrawn) revert AmountInvalid();
        token.safeTransfer(to, amount);
        emit Withdrawn(to, amount, cumulative);
    }

    // --- Objection -----------------------------------------------------------------------------------------

    /// @notice Any one member of the committee of the last or of the last final anchor, with a bond, or the
    /// guardian without one, stops a pending anchor. The list of members is shown to prove membership; the
    /// guardian shows none. The final anchor's committee counts because a corrupt majority could hand over to
    /// lists of its own, twice in one block, to shut out its honest members.
    function objectTo(uint64 epoch, Member[] calldata members, uint256 member) external payable {
        if (isExit) revert InExit();
        if (pausedAt != 0) revert Paused();
        if (epoch <= _final.epoch || epoch > _last.epoch || _windowPassed(records[epoch].at)) {
            revert NothingToObjectTo();
        }
        if (msg.sender == guardian) {
            if (msg.value != 0) revert BondInvalid();
        } else {
            bytes32 list = keccak256(abi.encode(members));
            if (list != _last.committeeHash && list != _final.committeeHash) revert CommitteeMismatch();
            if (member >= members.length || members[member].signer != msg.sender) revert NotAllowed();
            if (msg.value != objectionBond) revert BondInvalid();
        }
        pausedAt = uint64(block.timestamp);
        objector = msg.sender;
        bond = msg.value;
        emit Objected(msg.sender, epoch);
    }

    /// @notice The guardian overrules an objection in time: its bond is lost and windows start anew.
    function resume() external {
        if (msg.sender != guardian) revert NotAllowed();
        if (isExit) revert InExit();
        if (pausedAt == 0) revert NotPaused();
        if (block.timestamp > uint256(pausedAt) + pauseMax) revert TooLate();
        pausedAt = 0;
        resumedAt = uint64(block.timestamp);
        uint256 lost = bond;
        bond = 0;
        objector = address(0);
        emit Resumed(_last.epoch);
        if (lost > 0) _send(NOWHERE, lost);
    }

    /// @notice An objection that nobody overruled gets its bond back once EXIT has started.
    function reclaimBond() external {
        if (!isExit) revert NotInExit();
        uint256 amount = bond;
        if (msg.sender != objector || amount == 0) revert NotAllowed();
        bond = 0;
        _send(msg.sender, amount);
    }

    // --- Exit ----------------------------------------------------------------------------------------------

    /// @notice Starts EXIT, for ever: no anchor for the silence, or a pause that nobody ended in time. What
    /// outlived its window before a pause should be finalised before this.
    function startExit() external {
        if (isExit) revert InExit();
        if (pausedAt != 0) {
            if (block.timestamp <= uint256(pausedAt) + pauseMax) revert TooEarly();
        } else {
            uint256 from = _last.at > resumedAt ? _last.at : resumedAt;
            if (block.timestamp <= from + silenceBeforeExit) revert TooEarly();
        }
        if (_last.epoch > _final.epoch && _windowPassed(_last.at)) _finalize(_last);
        isExit = true;
        emit ExitStarted(_final.epoch, _final.stateRoot);
    }

    /// @notice Pays a leaf of the last final state once, to the exit address in it. Anybody may send it in.
    function exit(ExitLeaf calldata leaf, SumTree.Step[] calldata path) external {
        if (!isExit) revert NotInExit();
        if (exited[leaf.id]) revert AlreadyPaid();
        if (leaf.exitAddress == address(0)) revert NoExitAddress();
        if (leaf.sum == 0) revert AmountInvalid();
        bytes32 valueHash = sha256(abi.encodePacked(leaf.kind, leaf.exitAddress, leaf.cellHash));
        (bytes32 root, uint256 total) = SumTree.rootOf(leaf.id, valueHash, leaf.sum, path);
        if (root != _final.stateRoot || total != _final.liabilities) revert ProofInvalid();
        exited[leaf.id] = true;
        exitedTotal += leaf.sum;
        // Cannot happen with a sum tree; kept because this is the line between a bug and an empty vault.
        if (exitedTotal > _final.liabilities) revert AmountInvalid();
        token.safeTransfer(leaf.exitAddress, leaf.sum);
        emit Exited(leaf.id, leaf.exitAddress, leaf.sum);
    }

    /// @notice In EXIT a deposit that no final anchor credited goes back to who made it.
    function reclaimDeposit(uint64 index) external {
        if (!isExit) revert NotInExit();
        if (index < _final.depositCursor || index >= _deposits.length) revert CursorInvalid();
        if (reclaimed[index]) revert AlreadyPaid();
        reclaimed[index] = true;
        (, address from, uint256 amount) = depositAt(index);
        token.safeTransfer(from, amount);
        emit Reclaimed(index, from, amount);
    }

    // --- Views ---------------------------------------------------------------------------------------------

    /// @notice The newest anchor, perhaps within its window.
    function last() external view returns (State memory) {
        return _last;
    }

    /// @notice The newest anchor that pays out. Its successors may be past their window and await `finalize`.
    function lastFinal() external view returns (State memory) {
        return _final;
    }

    function depositCount() external view returns (uint256) {
        return _deposits.length;
    }

    function depositAt(uint64 index) public view returns (bytes32 account, address from, uint256 amount) {
        Deposit storage item = _deposits[index];
        uint256 before = index == 0 ? 0 : _deposits[index - 1].cumulative;
        return (item.account, item.from, item.cumulative - before);
    }

    /// @notice Sum of the first `cursor` deposits.
    function depositedUpTo(uint64 cursor) external view returns (uint256) {
        if (cursor == 0 || cursor > _deposits.length) revert CursorInvalid();
        return _deposits[cursor - 1].cumulative;
    }

    /// @notice EIP-712 struct hash; its first 27 bytes are what `records` keeps.
    function hashOf(Anchor calldata anchor) public pure returns (bytes32) {
        return keccak256(abi.encode(ANCHOR_TYPEHASH, anchor));
    }

    /// @notice What the members of the committee sign.
    function digestOf(Anchor calldata anchor) external view returns (bytes32) {
        return _hashTypedDataV4(hashOf(anchor));
    }

    function _send(address to, uint256 amount) private {
        (bool isSent,) = to.call{value: amount}("");
        if (!isSent) revert NotAllowed();
    }
}
