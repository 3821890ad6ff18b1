#include "client/commands/job_session.h"

#include <optional>

#include "client/commands/remote_join.h"
#include "client/commands/session_request.h"
#include "client/terminal/exit_code.h"
#include "client/ui/tail.h"
#include "protocol/base/all_of.h"

namespace rdev::commands {
namespace {

constexpr std::size_t kPiece = 256U << 10U;
constexpr std::size_t kLines = 5;

awaitable<Result<void>> write_input(stream::Stream& stream, const JobSession& session) {
  if (session.input) {
    if (auto written = co_await session.input(stream); !written) {
      // What reads it has ended: its code says why.
      co_return written.error().code == Code::kClosed ? Result<void>() : written;
    }
  }
  stream.write_eof();
  co_return Result<void>();
}

awaitable<Result<void>> read_said(stream::Stream& stream, stream::Lane lane, ui::Tail& tail) {
  std::vector<char> buffer(kPiece / 16);
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer), lane);
    if (!n || *n == 0) {
      co_return Result<void>();
    }
    tail.add({buffer.data(), *n});
  }
}

awaitable<Result<void>> read_output(stream::Stream& stream, const JobSession& session) {
  std::vector<char> buffer(kPiece);
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer), stream::Lane::kData);
    if (!n || *n == 0) {
      co_return n ? Result<void>() : tl::make_unexpected(n.error());
    }
    if (auto taken = co_await session.output({buffer.data(), *n}); !taken) {
      co_return taken;
    }
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

awaitable<Result<SessionEnd>> run_in_job(Context& context, JobSession session) {
  auto request = session_request({.job = session.job, .argv = session.words});
  if (!request) {
    co_return tl::make_unexpected(request.error());
  }
  WaitNotice notice(context.executor, session.job);
  auto joined = co_await join_session(context.paths, session.job, *std::move(request), notice);
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
  works.reserve(4);
  works.push_back(write_input(stream, session));
  works.push_back(session.output ? read_output(stream, session)
                                 : read_said(stream, stream::Lane::kData, said));
  works.push_back(read_said(stream, stream::Lane::kStderr, said));
  works.push_back(read_code(stream, code));
  const auto done = co_await base::all_of(std::move(works));
  stream.close();
  if (!done) {
    co_return tl::make_unexpected(co_await why_broken(*joined->link, done.error()));
  }
  co_return SessionEnd{.code = code.value_or(-1), .said = said.text()};
}

}  // namespace rdev::commands
