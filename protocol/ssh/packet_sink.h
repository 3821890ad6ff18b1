#pragma once

#include <string_view>

#include "protocol/ssh/messages.h"

namespace rdev::ssh {

// Where the connection protocol's packets go: a Transport, or a test's list.
class PacketSink {
 public:
  virtual ~PacketSink() = default;

  // One packet's payload, its type first, in two pieces so that bulk data is not copied together.
  virtual void send(std::string_view head, std::string_view body) = 0;
  // Enough bytes wait already: channel data has to wait, answers and window credit need not.
  virtual bool congested() const = 0;
  // Ends the connection with SSH_MSG_DISCONNECT. Destroys nothing before it returns.
  virtual void disconnect(DisconnectReason reason, std::string_view why) = 0;
};

}  // namespace rdev::ssh
