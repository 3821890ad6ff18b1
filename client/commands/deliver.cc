#include "client/commands/deliver.h"

#include <unistd.h>

#include "client/commands/remote_join.h"
#include "client/commands/session_request.h"
#include "client/terminal/exit_code.h"
#include "client/ui/tail.h"
#include "protocol/base/all_of.h"

namespace rdev::commands {
namespace {

constexpr std::size_t kPiece = 256U << 10U;
constexpr std::size_t kLines = 5;

awaitable<Result<void>> write_all(stream::Stream& stream, const Sources& sources,
                                  const std::function<void(std::uint64_t)>& sent) {
  std::vector<char> buffer(kPiece);
  std::uint64_t at = 0;
  while (at < sources.bytes) {
    const ssize_t got =
        ::pread(sources.archive.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (got <= 0) {
      co_return fail_errno("cannot read the packed sources");
    }
    const auto written =
        co_await stream.write(asio::buffer(buffer.data(), static_cast<std::size_t>(got)));
    if (!written) {
      // What reads it has ended: its code says why.
      co_return written.error().code == Code::kClosed ? Result<void>() : written;
    }
    at += static_cast<std::uint64_t>(got);
    sent(at);
  }
  stream.write_eof();
  co_return Result<void>();
}

awaitable<Result<void>> read_all(stream::Stream& stream, stream::Lane lane, ui::Tail& tail) {
  std::vector<char> buffer(kPiece / 16);
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer), lane);
    if (!n || *n == 0) {
      co_return Result<void>();
    }
    tail.add({buffer.data(), *n});
  }
}

awaitable<Result<void>> read_code(stream::Stream& stream, std::optional<int>& code) {
  while (!code) {
    const auto event = co_await stream.read_event();
    if (!event) {
      co_return tl::make_unexpected(event.error());
    }
    if (const auto* status = std::get_if<stream::ExitStatus>(&*event)) {
      code = terminal::exit_code(*status);
    } else if (const auto* signal = std::get_if<stream::ExitSignal>(&*event)) {
      code = terminal::exit_code(*signal);
    }
  }
  co_return Result<void>();
}

}  // namespace

awaitable<Result<void>> deliver(Context& context, std::string name, std::vector<std::string> words,
                                const Sources& sources, std::function<void(std::uint64_t)> sent) {
  auto session = session_request({.job = name, .argv = std::move(words)});
  if (!session) {
    co_return tl::make_unexpected(session.error());
  }
  WaitNotice notice(context.executor, name);
  auto joined = co_await join_session(context.paths, name, *std::move(session), notice);
  co_await notice.end();
  if (!joined) {
    co_return tl::make_unexpected(joined.error());
  }
  if (joined->stream == nullptr) {
    co_return fail(Code::kFailed, joined->refusal);
  }
  stream::Stream& stream = *joined->stream;
  ui::Tail said(kLines);
  std::optional<int> code;
  std::vector<awaitable<Result<void>>> works;
  works.push_back(write_all(stream, sources, sent));
  works.push_back(read_all(stream, stream::Lane::kData, said));
  works.push_back(read_all(stream, stream::Lane::kStderr, said));
  works.push_back(read_code(stream, code));
  const auto done = co_await base::all_of(std::move(works));
  stream.close();
  if (!done) {
    co_return tl::make_unexpected(co_await why_broken(*joined->link, done.error()));
  }
  if (code != 0) {
    co_return fail(Code::kFailed, "the sources could not be unpacked in the job (code " +
                                      std::to_string(code.value_or(-1)) + "): " + said.text());
  }
  co_return Result<void>();
}

}  // namespace rdev::commands
