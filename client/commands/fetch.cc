#include "client/commands/fetch.h"

#include <filesystem>
#include <set>

#include "client/commands/job_session.h"
#include "client/commands/unpack.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

Error failed(const std::string& what, const SessionEnd& end) {
  return {Code::kFailed, what + " (code " + std::to_string(end.code) + ")" +
                             (end.said.empty() ? "" : ": " + end.said)};
}

awaitable<Result<void>> run_to_0(Context& context, JobSession session, std::string what) {
  const auto end = co_await run_in_job(context, std::move(session));
  if (!end) {
    co_return tl::make_unexpected(end.error());
  }
  co_return end->code == 0 ? Result<void>() : tl::make_unexpected(failed(what, *end));
}

void tell(const std::string& path, const Unpacked& came) {
  note("fetched " + path + ": " + std::to_string(came.files) +
       (came.files == 1 ? " file, " : " files, ") + ui::format_bytes(came.bytes) +
       (came.left_out == 0 ? ""
                           : "; " + std::to_string(came.left_out) +
                                 " left out: no files, but sockets or the like"));
}

// What the archive's bytes go through.
struct Taker {
  Unpacking unpacking;
  ui::Progress& progress;
  std::string path;
  std::uint64_t bytes = 0;
};

awaitable<Result<void>> take(Taker& taker, std::string_view piece) {
  taker.bytes += piece.size();
  taker.progress.stage("fetching " + taker.path, ui::format_bytes(taker.bytes));
  co_return co_await taker.unpacking.write(piece);
}

// Whether it was there, all of it.
awaitable<Result<bool>> fetch(Context& context, const std::string& job, const RunScript& script,
                              const std::string& path, ui::Progress& progress) {
  std::error_code error;
  auto unpacking = Unpacking::begin(context.executor, fs::current_path(error));
  if (!unpacking) {
    co_return tl::make_unexpected(unpacking.error());
  }
  Taker taker{.unpacking = *std::move(unpacking), .progress = progress, .path = path};
  JobSession session{.job = job,
                     .words = fetch_command(script, path),
                     .input = {},
                     .output = [&](std::string_view piece) { return take(taker, piece); }};
  const auto end = co_await run_in_job(context, std::move(session));
  progress.done();
  if (!end) {
    co_return tl::make_unexpected(end.error());
  }
  if (end->code == kNoResult) {
    note("there is no " + path + " in the job: nothing is fetched of it");
    co_return false;
  }
  const auto came = taker.unpacking.finish(fs::path(path).filename().string());
  if (!came) {
    co_return tl::make_unexpected(
        end->code == 0 ? came.error() : failed(came.error().message + "; tar in the job", *end));
  }
  tell(path, *came);
  if (end->code != 0) {
    note(failed("tar in the job could not read all of " + path, *end).message);
  }
  co_return end->code == 0;
}

}  // namespace

Result<std::vector<std::string>> result_paths(const std::vector<std::string>& given) {
  std::vector<std::string> paths;
  std::set<fs::path> names;
  for (const std::string& one : given) {
    const std::string path = one.substr(0, one.find_last_not_of('/') + 1);
    const fs::path name = fs::path(path).filename();
    if (name.empty() || name == "." || name == "..") {
      return fail(Code::kUsage, "--fetch: '" + one + "' has no name of its own: say a file or a " +
                                    "folder, as in --fetch out");
    }
    if (!names.insert(name).second) {
      return fail(Code::kUsage, "--fetch: two of them are called " + name.string());
    }
    paths.push_back(path);
  }
  return paths;
}

awaitable<Result<bool>> fetch_results(Context& context, std::string job, const RunScript& script,
                                      const std::vector<std::string>& paths,
                                      ui::Progress& progress) {
  auto ended = co_await run_to_0(context, {.job = job, .words = ended_command(script)},
                                 "the end of the command could not be waited for");
  if (!ended) {
    co_return tl::make_unexpected(ended.error());
  }
  bool all = true;
  for (const std::string& path : paths) {
    const auto fetched = co_await fetch(context, job, script, path, progress);
    if (!fetched) {
      co_return prefix("fetching " + path, fetched.error());
    }
    all = all && *fetched;
  }
  ended = co_await run_to_0(context, {.job = job, .words = fetched_command(script)},
                            "the job could not be let go");
  if (!ended && ended.error().code != Code::kClosed) {
    note(ended.error().message + "; it ends by itself");
  }
  co_return all;
}

}  // namespace rdev::commands
