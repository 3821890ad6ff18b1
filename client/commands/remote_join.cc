#include "client/commands/remote_join.h"

#include <utility>

#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

constexpr std::chrono::milliseconds kLossIsKnown{100};

awaitable<Result<Error>> loss(link_process::Attached& link) { co_return co_await link.lost(); }

}  // namespace

awaitable<Result<Joined>> join_session(const state::Paths& paths, std::string name, Session session,
                                       WaitNotice& notice) {
  link_process::AttachOptions options;
  options.what = "exec";
  options.waiting = [&notice](const std::string& why) { notice.reason(why); };
  auto link = co_await link_process::Attached::attach(paths, std::move(name), std::move(options));
  if (!link) {
    co_return tl::make_unexpected(link.error());
  }
  StreamRequest request;
  *request.mutable_session() = std::move(session);
  auto opened = co_await (*link)->open(request);
  if (!opened && opened.error().code == Code::kClosed) {
    co_return tl::make_unexpected(opened.error());
  }
  Joined joined{.link = std::move(*link), .stream = nullptr, .refusal = {}};
  if (opened) {
    joined.stream = std::move(opened->stream);
  } else {
    joined.refusal = opened.error().message;
  }
  co_return joined;
}

awaitable<Error> why_broken(link_process::Attached& link, Error stream) {
  const auto lost = co_await base::with_timeout(loss(link), kLossIsKnown, "the link's end");
  co_return lost ? *lost : stream;
}

}  // namespace rdev::commands
