#pragma once

#include <cstdint>
#include <utility>

#include "protocol/ssh/wire.h"

namespace rdev::ssh {

// The messages of the connection protocol (RFC 4254 section 9), and the ones around it that we
// send.
enum class Message : std::uint8_t {
  kDisconnect = 1,
  kUserauthRequest = 50,
  kGlobalRequest = 80,
  kRequestSuccess = 81,
  kRequestFailure = 82,
  kChannelOpen = 90,
  kChannelOpenConfirmation = 91,
  kChannelOpenFailure = 92,
  kChannelWindowAdjust = 93,
  kChannelData = 94,
  kChannelExtendedData = 95,
  kChannelEof = 96,
  kChannelClose = 97,
  kChannelRequest = 98,
  kChannelSuccess = 99,
  kChannelFailure = 100,
};

// RFC 4253 section 11.1.
enum class DisconnectReason : std::uint32_t {
  kProtocolError = 2,
  kTooManyConnections = 12,
  kByApplication = 11,
  kNoMoreAuthMethods = 14,
};

// The start of a packet's payload; of one that belongs to a channel, with the peer's number for it.
inline Writer begin(Message type) {
  return std::move(Writer().u8(static_cast<std::uint8_t>(type)));
}
inline Writer begin(Message type, std::uint32_t channel) {
  return std::move(Writer().u8(static_cast<std::uint8_t>(type)).u32(channel));
}

}  // namespace rdev::ssh
