// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title CTZ, the token of Catalyze
/// @notice One unit is one µCTZ (six decimals). The genesis supply exists from the start; after that only
/// the minter (the anchor contract, which is also the vault) makes tokens, and never beyond a schedule that
/// is fixed here for ever: even a wholly corrupt committee cannot print.
contract CTZ is ERC20, ERC20Permit, ERC20Votes {
    /// @dev Linear emission from `start`, `ratePerSecond` a second, until `max` is reached.
    struct Emission {
        uint64 start;
        uint128 ratePerSecond;
        uint128 max;
    }

    address public immutable minter;
    uint256 public immutable genesisSupply;
    uint64 public immutable emissionStart;
    uint128 public immutable emissionRate;
    uint128 public immutable emissionMax;

    /// @notice Minted after genesis, never reduced by burning.
    uint256 public emitted;

    error NotMinter();
    error BeyondSchedule(uint256 wanted, uint256 allowed);

    constructor(address minter_, uint256 genesisSupply_, Emission memory emission)
        ERC20("Catalyze", "CTZ")
        ERC20Permit("Catalyze")
    {
        minter = minter_;
        genesisSupply = genesisSupply_;
        emissionStart = emission.start;
        emissionRate = emission.ratePerSecond;
        emissionMax = emission.max;
        _mint(minter_, genesisSupply_);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @notice How much may have been minted after genesis at a time.
    function emissionAt(uint256 timestamp) public view returns (uint256) {
        if (timestamp <= emissionStart) return 0;
        uint256 grown = (timestamp - emissionStart) * emissionRate;
        return grown < emissionMax ? grown : emissionMax;
    }

    function mint(address to, uint256 amount) external {
        if (msg.sender != minter) revert NotMinter();
        uint256 wanted = emitted + amount;
        uint256 allowed = emissionAt(block.timestamp);
        if (wanted > allowed) revert BeyondSchedule(wanted, allowed);
        emitted = wanted;
        _mint(to, amount);
    }

    /// @notice Anybody may destroy what is theirs.
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    /// @dev Votes count by time, not by block: block times differ between chains.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }
}
