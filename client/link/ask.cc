#include <filesystem>
#include <system_error>

#include "client/link/attach.h"
#include "client/link/places.h"
#include "protocol/base/with_timeout.h"
#include "protocol/stream/socket_stream.h"
#include "protocol/wire/frame.h"

namespace rdev::link_process {
namespace {

constexpr std::chrono::seconds kAnswerLimit{2};

// Absent: it hung up, so it is about to end.
awaitable<Result<std::optional<LinkStatus>>> ask(base::Fd socket) {
  stream::SocketStream connection(co_await asio::this_coro::executor, std::move(socket));
  std::string question;
  wire::append_frame(question, {.type = wire::Type::kAskStatus}, {});
  if (!co_await connection.write(asio::buffer(question))) {
    co_return std::optional<LinkStatus>();
  }
  std::vector<char> buffer(wire::kMaxFrameBytes);
  wire::Decoder decoder;
  for (;;) {
    const auto n = co_await connection.read(asio::buffer(buffer));
    if (!n || *n == 0) {
      co_return std::optional<LinkStatus>();
    }
    decoder.feed({buffer.data(), *n});
    const auto frame = decoder.next();
    if (!frame) {
      co_return tl::make_unexpected(frame.error());
    }
    LinkStatus status;
    if (*frame && (*frame)->header.type == wire::Type::kStatus) {
      if (!status.ParseFromArray((*frame)->payload.data(),
                                 static_cast<int>((*frame)->payload.size()))) {
        co_return fail(Code::kProtocol, "the link process sent a status that cannot be read");
      }
      co_return status;
    }
  }
}

}  // namespace

awaitable<Result<std::optional<LinkStatus>>> ask_status(const state::Paths& paths,
                                                        std::string job) {
  auto peer = connect_background(link_background(paths, job));
  if (!peer && peer.error().code == Code::kUnavailable) {
    co_return std::optional<LinkStatus>();
  }
  if (!peer) {
    co_return tl::make_unexpected(peer.error());
  }
  co_return co_await base::with_timeout(ask(std::move(peer->socket)), kAnswerLimit,
                                        "the answer of the link process");
}

awaitable<Result<void>> stop(const state::Paths& paths, std::string job) {
  const Background background = link_background(paths, job);
  auto process = process_of(background);
  if (!process) {
    co_return tl::make_unexpected(process.error());
  }
  if (!*process) {
    co_return Result<void>{};
  }
  bool asked = false;
  if (auto peer = connect_background(background)) {
    stream::SocketStream connection(co_await asio::this_coro::executor, std::move(peer->socket));
    std::string word;
    wire::append_frame(word, {.type = wire::Type::kStop}, {});
    asked = (co_await connection.write(asio::buffer(word))).has_value();
  }
  // A signal would make it hand its streams over to another one.
  auto ended =
      asked ? co_await await_end(std::move(*process)) : co_await end_process(std::move(*process));
  std::error_code ignored;  // one that was killed leaves its socket behind
  std::filesystem::remove(background.files.socket, ignored);
  co_return ended;
}

}  // namespace rdev::link_process
