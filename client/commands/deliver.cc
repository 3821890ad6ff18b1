#include "client/commands/deliver.h"

#include <unistd.h>

#include "client/commands/job_session.h"

namespace rdev::commands {
namespace {

constexpr std::size_t kPiece = 256U << 10U;

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
      co_return written;
    }
    at += static_cast<std::uint64_t>(got);
    sent(at);
  }
  co_return Result<void>();
}

}  // namespace

awaitable<Result<void>> deliver(Context& context, std::string name, std::vector<std::string> words,
                                const Sources& sources, std::function<void(std::uint64_t)> sent) {
  JobSession session{
      .job = std::move(name),
      .words = std::move(words),
      .input = [&](stream::Stream& stream) { return write_all(stream, sources, sent); },
      .output = {}};
  const auto end = co_await run_in_job(context, std::move(session));
  if (!end) {
    co_return tl::make_unexpected(end.error());
  }
  if (end->code != 0) {
    co_return fail(Code::kFailed, "the sources could not be unpacked in the job (code " +
                                      std::to_string(end->code) + "): " + end->said);
  }
  co_return Result<void>();
}

}  // namespace rdev::commands
