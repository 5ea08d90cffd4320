import type { Inbox } from '../ports/inbox.ts';
import type { Ports } from '../ports/ports.ts';
import type { Auditor } from '../work/auditor.ts';
import type { Observer } from '../work/observer.ts';
import { driveCampaigns, inboxWithCampaigns } from '../work/replay/drive-campaigns.ts';

/** What a worker does for campaigns: beside the inbox, or between two looks into it where it ends once it is idle. */
export function workerCampaigns(
  ports: Ports,
  auditor: Auditor,
  observer: Observer,
): { readonly inbox: Inbox; readonly drive: (signal: AbortSignal) => Promise<void> } {
  const parts = { ...ports, auditor, now: () => new Date() };
  return {
    inbox: inboxWithCampaigns(ports.inbox, parts),
    drive: async (signal) => await driveCampaigns({ ...parts, observer }, signal),
  };
}
