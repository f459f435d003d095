/** What sale locks bring and give back: a checkpoint moves them, and no op of the account says so. */
import type {LockCell, SaleCell} from "@catalyze/core/ledger/cell";
import type {Posting} from "@catalyze/core/ledger/postings";
import type {AccountId, LockId} from "@catalyze/core/primitives/id";

export type SaleWatchComponents = {
  /** As of the last checkpoint. */
  readonly sale: (id: LockId) => SaleCell | undefined;
  readonly sales: () => Iterable<SaleCell>;
};

export type SaleEnd = Pick<LockCell, "id" | "openOp" | "payer"> & {
  /** µCTZ only. */
  readonly postings: readonly Posting[];
  readonly counterparty: AccountId | undefined;
};

export class SaleWatch {
  readonly #components: SaleWatchComponents;
  readonly #isRecorded: (account: AccountId) => boolean;
  readonly #open = new Set<LockId>();

  constructor(components: SaleWatchComponents, isRecorded: (account: AccountId) => boolean) {
    this.#components = components;
    this.#isRecorded = isRecorded;
  }

  /** Call before the first checkpoint. */
  start(): void {
    for (const {id, payer, spec, isClosed} of this.#components.sales())
      if (!isClosed) this.opened(id, [payer, spec.refundTo]);
  }

  opened(id: LockId, concerned: readonly AccountId[]): void {
    if (concerned.some((each) => this.#isRecorded(each))) this.#open.add(id);
  }

  /** Those that closed since the last look. */
  ended(): readonly SaleEnd[] {
    return [...this.#open].flatMap((id) => {
      const sale = this.#components.sale(id);
      if (sale?.isClosed !== true) return [];
      this.#open.delete(id);
      const partner = this.#components.sale(sale.partner);
      const [lot, to] =
        partner === undefined ? [sale.spec.gives, sale.spec.refundTo] : [partner.spec.gives, sale.payer];
      const isMoney = lot.asset === undefined;
      const postings: readonly Posting[] = isMoney ? [{bucket: "account", id: to, amount: lot.amount}] : [];
      return [{id, openOp: sale.openOp, payer: sale.payer, postings, counterparty: partner?.payer}];
    });
  }
}
