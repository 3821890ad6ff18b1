#pragma once

#include <string_view>

#include "agent/sftp/requests.h"

namespace rdev::sftp {

// Carries out one packet (without its length field) and leaves the reply in session.out, which must
// have less than Output::kFlushAt bytes pending. Code::kProtocol for a packet that cannot be
// decoded: the stream is then of no use any more. A request of a kind that nobody knows is answered
// with SSH_FX_OP_UNSUPPORTED.
Result<void> dispatch(Session& session, std::string_view packet);

// Only the decoding of it, for tests.
Result<void> decode(std::string_view packet);

}  // namespace rdev::sftp
