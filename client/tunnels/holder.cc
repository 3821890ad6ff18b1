#include "client/tunnels/holder.h"

#include <algorithm>
#include <utility>

#include "client/state/job_record.h"
#include "client/tunnels/message.h"
#include "client/tunnels/places.h"
#include "client/tunnels/saved.h"
#include "client/tunnels/spec.h"
#include "protocol/base/file.h"
#include "protocol/base/with_timeout.h"

namespace rdev::tunnels {
namespace {

// A tunnel of the job's side waits for the link, which may take 30 s.
constexpr std::chrono::seconds kAnswerLimit{60};
// The holder may be about to end.
constexpr int kAttempts = 3;
constexpr char kNotOpen[] = "it is closed: no process holds it (rdev up opens it again)";

Code code_of(const HolderReply& reply) {
  return reply.code() <= static_cast<std::uint32_t>(Code::kLimit) ? static_cast<Code>(reply.code())
                                                                  : Code::kFailed;
}

awaitable<Result<HolderReply>> exchange(base::Fd fd, HolderRequest request) {
  HolderSocket socket(co_await asio::this_coro::executor, asio::local::stream_protocol(),
                      fd.release());
  if (auto sent = co_await write_message(socket, request.SerializeAsString()); !sent) {
    co_return tl::make_unexpected(sent.error());
  }
  const auto message = co_await read_message(socket);
  if (!message) {
    co_return tl::make_unexpected(message.error());
  }
  HolderReply reply;
  if (!reply.ParseFromString(*message)) {
    co_return fail(Code::kProtocol, "the holder of the job's tunnels sent nonsense");
  }
  co_return reply;
}

// Without a holder: what is kept is all there is.
Result<HolderReply> answer_from_kept(const state::Paths& paths, const std::string& job,
                                     const HolderRequest& request) {
  auto kept = load_tunnels(paths, job);
  if (!kept) {
    return tl::make_unexpected(kept.error());
  }
  HolderReply reply;
  if (request.has_remove()) {
    const Tunnel& tunnel = request.remove();
    const auto removed =
        std::erase_if(*kept, [&](const Tunnel& other) { return same_tunnel(other, tunnel); });
    if (removed == 0) {
      return fail(Code::kNotFound, "there is no tunnel " + describe(tunnel, 0, job));
    }
    auto saved = save_tunnels(paths, job, *kept);
    return saved ? Result<HolderReply>(reply) : tl::make_unexpected(saved.error());
  }
  if (request.has_list()) {
    for (const Tunnel& tunnel : *kept) {
      TunnelState& state = *reply.add_tunnels();
      *state.mutable_tunnel() = tunnel;
      state.set_problem(kNotOpen);
    }
  }
  return reply;
}

// The same, and nobody starts a holder meanwhile. Code::kClosed: there is one now.
Result<HolderReply> answer_alone(const state::Paths& paths, const std::string& job,
                                 const HolderRequest& request) {
  const link_process::Background background = holder_background(paths, job);
  if (auto made = base::make_private_dir(background.files.starter.parent_path()); !made) {
    return tl::make_unexpected(made.error());
  }
  const auto lock = base::lock_file(background.files.starter, base::LockWait::kBlock);
  if (!lock) {
    return tl::make_unexpected(lock.error());
  }
  if (link_process::connect_background(background)) {
    return fail(Code::kClosed, "a holder was started meanwhile");
  }
  return answer_from_kept(paths, job, request);
}

awaitable<Result<HolderReply>> ask_once(const state::Paths& paths, const std::string& job,
                                        const HolderRequest& request, Start start) {
  const link_process::Background background = holder_background(paths, job);
  auto peer = link_process::connect_background(background);
  if (!peer && peer.error().code == Code::kUnavailable) {
    if (start == Start::kNo) {
      co_return answer_alone(paths, job, request);
    }
    peer = co_await link_process::connect_or_start(background);
  }
  if (!peer) {
    co_return prefix("the process that holds the tunnels of " + job, peer.error());
  }
  co_return co_await base::with_timeout(exchange(std::move(peer->socket), request), kAnswerLimit,
                                        "the answer of the process that holds the tunnels");
}

}  // namespace

awaitable<Result<HolderReply>> ask(const state::Paths& paths, std::string job,
                                   HolderRequest request, Start start) {
  if (auto record = state::load(paths, job); !record) {
    co_return tl::make_unexpected(record.error());
  }
  for (int attempt = 1;; ++attempt) {
    auto reply = co_await ask_once(paths, job, request, start);
    if (reply && !reply->error().empty()) {
      co_return fail(code_of(*reply), reply->error());
    }
    if (reply || reply.error().code != Code::kClosed) {
      co_return reply;
    }
    if (attempt == kAttempts) {
      co_return fail(Code::kFailed, "the process that holds the tunnels of " + job +
                                        " ends as soon as it has begun: see " +
                                        holder_background(paths, job).files.log.string());
    }
  }
}

awaitable<Result<void>> resume(const state::Paths& paths, std::string job) {
  const auto kept = load_tunnels(paths, job);
  if (!kept) {
    co_return tl::make_unexpected(kept.error());
  }
  if (kept->empty()) {
    co_return Result<void>{};
  }
  HolderRequest request;
  request.set_list(true);
  const auto reply = co_await ask(paths, job, std::move(request), Start::kYes);
  if (!reply) {
    co_return tl::make_unexpected(reply.error());
  }
  co_return Result<void>{};
}

awaitable<Result<void>> stop(const state::Paths& paths, std::string job) {
  const link_process::Background background = holder_background(paths, job);
  auto process = link_process::process_of(background);
  if (!process) {
    co_return tl::make_unexpected(process.error());
  }
  if (!*process) {
    co_return Result<void>{};
  }
  auto ended = co_await link_process::end_process(std::move(*process));
  std::error_code ignored;  // one that was killed leaves its socket behind
  std::filesystem::remove(background.files.socket, ignored);
  co_return ended;
}

}  // namespace rdev::tunnels
