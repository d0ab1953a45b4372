import { isIP } from 'node:net'
import type { Endpoint } from '../base/host.ts'
import type { BrokerSettings } from '../broker/broker-settings.ts'
import type { StoreSettings } from '../store/store-settings.ts'
import type { Config } from './settings.ts'

/**
 * A write of 256 KiB into the page cache holds the event loop for 0.2 ms; the way through the thread pool costs a turn of eight batches
 * more than that (`npm run bench -- --scenarios send-batch`: 165,000 messages a second with 64 KiB here, 190,000 with 256).
 */
const SYNC_WRITE_BYTES_MAX = 256 * 1024

/** What the broker core reads; it sees changes at run time. */
export function brokerSettingsOf(config: Config, advertised: Endpoint): BrokerSettings {
  const storeHost =
    isIP(advertised.host) > 0 ? advertised : { host: fallbackIp(config), port: advertised.port }
  return {
    brokerClusterName: config.brokerClusterName,
    brokerName: config.brokerName,
    brokerId: config.brokerId,
    advertised,
    storeHost,
    get brokerPermission() {
      return config.brokerPermission
    },
    autoCreateTopicEnable: config.autoCreateTopicEnable,
    get autoCreateSubscriptionGroup() {
      return config.autoCreateSubscriptionGroup
    },
    defaultTopicQueueNums: config.defaultTopicQueueNums,
    autoCreatedTopicsMax: config.autoCreatedTopicsMax,
    autoCreatedGroupsMax: config.autoCreatedGroupsMax,
    clusterTopicEnable: config.clusterTopicEnable,
    brokerTopicEnable: config.brokerTopicEnable,
    traceTopicEnable: config.traceTopicEnable,
    msgTraceTopicName: config.msgTraceTopicName,
    get maxMessageSize() {
      return config.maxMessageSize
    },
    get longPollingEnable() {
      return config.longPollingEnable
    },
    get shortPollingTimeMills() {
      return config.shortPollingTimeMills
    },
    get enablePropertyFilter() {
      return config.enablePropertyFilter
    },
    get filterSupportRetry() {
      return config.filterSupportRetry
    },
    get litePullMessageEnable() {
      return config.litePullMessageEnable
    },
    get rejectTransactionMessage() {
      return config.rejectTransactionMessage
    },
    get transactionTimeOut() {
      return config.transactionTimeOut
    },
    get transactionCheckInterval() {
      return config.transactionCheckInterval
    },
    get transactionCheckMax() {
      return config.transactionCheckMax
    },
    get storeReplyMessageEnable() {
      return config.storeReplyMessageEnable
    },
    get timerMaxDelaySec() {
      return config.timerMaxDelaySec
    },
    get timerRollWindowSec() {
      // well before the log file expires
      return Math.min(config.timerRollWindowSlot, Math.floor((config.fileReservedTime * 3600 * 2) / 3))
    },
    get recallMessageEnable() {
      return config.recallMessageEnable
    },
    dedupWindowMs: config.dedupWindowMs,
    dedupKeysMax: config.dedupKeysMax,
    useServerSideResetOffset: config.useServerSideResetOffset,
    // each of them is a setting of the same name, and may change
    pop: config,
    regionId: config.regionId,
    traceOn: config.traceOn,
  }
}

/** What the store reads; it sees changes at run time. */
export function storeSettingsOf(
  config: Config,
  machine: { memoryBytes: number; processId: number },
): StoreSettings {
  const rootDir = config.storePathRootDir
  return {
    rootDir,
    commitLogDir: config.storePathCommitLog || `${rootDir}/commitlog`,
    commitLogFileBytes: config.mappedFileSizeCommitLog,
    // as RocketMQ does: rounded up to whole entries
    consumeQueueFileBytes: Math.ceil(config.mappedFileSizeConsumeQueue / 20) * 20,
    flushDiskType: config.flushDiskType,
    flushIntervalMs: config.flushIntervalCommitLog,
    syncFlushTimeoutMs: config.syncFlushTimeout,
    appendsCrc: config.enabledAppendPropCRC,
    syncWriteBytesMax: SYNC_WRITE_BYTES_MAX,
    acceptsHole: config.acceptHole,
    index: config.messageIndexEnable
      ? { slotCount: config.maxHashSlotNum, entryCount: config.maxIndexNum }
      : undefined,
    delayLevels: config.messageDelayLevel,
    tailBytesMax: config.tailMemoryBytes,
    cacheBytesMax: config.cacheMemoryBytes,
    handlesMax: config.openFilesMax,
    readLimits: {
      get hotCountMax() {
        return config.maxTransferCountOnMessageInMemory
      },
      get hotBytesMax() {
        return config.maxTransferBytesOnMessageInMemory
      },
      get coldCountMax() {
        return config.maxTransferCountOnMessageInDisk
      },
      get coldBytesMax() {
        return config.maxTransferBytesOnMessageInDisk
      },
      get hotDistanceBytes() {
        return (machine.memoryBytes * config.accessMessageInMemoryMaxRatio) / 100
      },
    },
    retention: {
      get fileReservedHours() {
        return config.fileReservedTime
      },
      get deleteWhen() {
        return config.deleteWhen.split(';').map(Number)
      },
      get maxUsedRatio() {
        return config.diskMaxUsedSpaceRatio / 100
      },
      get cleanForciblyRatio() {
        return config.diskSpaceCleanForciblyRatio / 100
      },
      get isCleanForciblyEnabled() {
        return config.cleanFileForciblyEnable
      },
      get warningRatio() {
        return config.diskSpaceWarningLevelRatio / 100
      },
    },
    processId: String(machine.processId),
  }
}

/** Message ids carry an IP address; where clients are told a name, the address listened on stands in. */
function fallbackIp(config: Config): string {
  return isIP(config.bindAddress) > 0 ? config.bindAddress : '127.0.0.1'
}
