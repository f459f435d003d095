/** Routes of locks that two parties use without the market. */
import {Type} from "typebox";
import {limit, route} from "./route.ts";
import {HashText} from "./schema/fields.ts";
import {LockAwardBody, LockAwardView, LockJudgedBody, LockSignBody} from "./schema/judgedLock.ts";
import {
  LockAcceptBody,
  LockClaimBody,
  LockClaimedView,
  LockList,
  LockNoticeBody,
  LockNoticeView,
  LockOpenBody,
  LockOpenedView,
  LockPayBody,
  LockTakeBody,
  LockView,
  VoucherView,
} from "./schema/lock.ts";
import {OpView} from "./schema/money.ts";

const params = Type.Object({id: HashText});

export const LOCK_ROUTES = {
  locks: route({
    method: "GET",
    path: "/api/v1/locks",
    summary: "Open locks that this account pays, is paid by, or judges; with isAll closed ones too",
    query: Type.Object({limit, isAll: Type.Optional(Type.Boolean())}),
    response: LockList,
  }),
  lockOpen: route({
    method: "POST",
    path: "/api/v1/locks",
    summary: "Set money aside for a payee; answers once certified",
    body: LockOpenBody,
    response: LockOpenedView,
  }),
  lockJudged: route({
    method: "POST",
    path: "/api/v1/locks/judged",
    summary: "Set money aside of which judges say who gets it: a bounty, a bond; answers once certified",
    body: LockJudgedBody,
    response: LockOpenedView,
  }),
  lockAward: route({
    method: "POST",
    path: "/api/v1/locks/{id}/award",
    summary: "As its judge, pay out of a lock; answers once certified, or with what other judges must sign",
    params,
    body: LockAwardBody,
    response: LockAwardView,
  }),
  lockSign: route({
    method: "POST",
    path: "/api/v1/locks/sign",
    summary: "Sign an award of other judges, and send it when enough have; with isLook only say what it is",
    body: LockSignBody,
    response: LockAwardView,
  }),
  lockPay: route({
    method: "POST",
    path: "/api/v1/locks/{id}/pay",
    summary: "Sign a voucher that lets the payee draw up to a total",
    params,
    body: LockPayBody,
    response: VoucherView,
  }),
  lockTake: route({
    method: "POST",
    path: "/api/v1/locks/take",
    summary: "Check a voucher for this account and keep it: it is claimed before the lock expires",
    body: LockTakeBody,
    response: LockView,
  }),
  lockClaim: route({
    method: "POST",
    path: "/api/v1/locks/{id}/claim",
    summary: "Draw what vouchers, a verdict or the clock allow; answers once certified",
    params,
    body: LockClaimBody,
    response: LockClaimedView,
  }),
  lockNotice: route({
    method: "POST",
    path: "/api/v1/locks/{id}/notice",
    summary: "Stop the clock of a lock that this account pays; answers once certified",
    params,
    body: LockNoticeBody,
    response: LockNoticeView,
  }),
  lockAccept: route({
    method: "POST",
    path: "/api/v1/locks/{id}/accept",
    summary: "Answer for a lock with executor stake until it closes; answers once certified",
    params,
    body: LockAcceptBody,
    response: OpView,
  }),
};
