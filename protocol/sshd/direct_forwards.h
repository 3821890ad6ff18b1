#pragma once

#include <memory>
#include <string_view>

#include "protocol/ssh/connection.h"
#include "protocol/sshd/host.h"

namespace rdev::sshd {

enum class Taken { kYes, kMalformed, kOtherType };

// The channels that a client opens to servers behind this one: direct-tcpip (RFC 4254 section 7.2)
// and direct-streamlocal@openssh.com (OpenSSH's PROTOCOL, section 2.4). `offer` is taken only when
// the type is one of these and its body well-formed.
Taken take_direct_forward(Host& host, const std::shared_ptr<const Peer>& peer,
                          std::string_view type, ssh::Reader body,
                          std::unique_ptr<ssh::ChannelOffer>& offer);

}  // namespace rdev::sshd
