#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "client/cluster/docker/connection.h"
#include "client/cluster/docker/frames.h"
#include "client/http/http.h"

namespace rdev::cluster::docker {

using http::Request, http::ResponseStream;

// The hijacked connection of an exec and its socketpair's near end.
class ExecPump final {
 public:
  ExecPump(ResponseStream::Hijacked hijacked, asio::local::stream_protocol::socket near)
      : connection_(std::move(hijacked.connection)),
        pending_(std::move(hijacked.early)),
        near_(std::move(near)) {}

  // Until stdout has begun as an SSH server's does (RFC 4253 section 4.2). The stream's end before
  // that is an error with what was said instead: an engine that can't run the agent says so on
  // stdout.
  awaitable<Result<void>> wait_for_greeting();
  // Both directions, until the exec or the far end is done.
  awaitable<void> run();

 private:
  // The next bytes of stdout within what is pending; empty when there are none. What stderr said is
  // added to the complaint.
  Result<std::string_view> next_stdout(std::string_view& input);
  void complain(std::string_view text);
  awaitable<Result<void>> deliver(std::string_view bytes);
  awaitable<Result<std::size_t>> receive();
  awaitable<Result<void>> down();
  awaitable<Result<void>> up();
  awaitable<void> down_then_close();
  awaitable<void> up_then_eof();

  std::unique_ptr<Connection> connection_;
  std::string pending_;  // received, not decoded
  asio::local::stream_protocol::socket near_;
  FrameDecoder decoder_;
  std::string complaint_;  // stderr
};

}  // namespace rdev::cluster::docker
