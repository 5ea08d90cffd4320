/** Element ids, with their length marks (RFC 9559, 5). Only those that are looked into; all others are passed over. */
export const ID = {
  ebml: 0x1a45dfa3,
  docType: 0x4282,
  segment: 0x18538067,
  seekHead: 0x114d9b74,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  codecDelay: 0x56aa,
  contentEncodings: 0x6d80,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discardPadding: 0x75a2,
  cues: 0x1c53bb6b,
  chapters: 0x1043a770,
  attachments: 0x1941a469,
  tags: 0x1254c367,
  void: 0xec,
  crc32: 0xbf,
} as const;

/** Elements that are entered, and the only one each is entered in: that bounds the depth. 0 is the file itself. */
export const PARENT_OF: ReadonlyMap<number, number> = new Map([
  [ID.ebml, 0],
  [ID.segment, 0],
  [ID.info, ID.segment],
  [ID.tracks, ID.segment],
  [ID.trackEntry, ID.tracks],
  [ID.audio, ID.trackEntry],
  [ID.cluster, ID.segment],
  [ID.blockGroup, ID.cluster],
]);

/** Elements whose bodies are read. */
export const READ: ReadonlySet<number> = new Set([
  ID.docType,
  ID.timestampScale,
  ID.trackNumber,
  ID.trackType,
  ID.codecId,
  ID.codecPrivate,
  ID.codecDelay,
  ID.contentEncodings,
  ID.samplingFrequency,
  ID.channels,
  ID.timestamp,
  ID.simpleBlock,
  ID.block,
  ID.discardPadding,
]);

/** Where one of these comes, a cluster of unknown size has ended (RFC 9559, 5.1 and RFC 8794, 6.2). */
export const ENDS_CLUSTER: ReadonlySet<number> = new Set([
  ID.ebml,
  ID.segment,
  ID.seekHead,
  ID.info,
  ID.tracks,
  ID.cluster,
  ID.cues,
  ID.chapters,
  ID.attachments,
  ID.tags,
]);
