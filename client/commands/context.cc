#include "client/commands/context.h"

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <exception>
#include <optional>

#include "client/ui/table.h"

namespace rdev::commands {
namespace {

constexpr int kLastSteps = 1000;

Result<int> run_to_end(const Work& work, const state::Paths& paths) {
  asio::io_context loop(1);
  Context context{.executor = loop.get_executor(),
                  .paths = paths,
                  .clusters = cluster::Clusters(loop.get_executor(), paths)};
  std::optional<Result<int>> outcome;
  asio::co_spawn(context.executor, work(context),
                 [&](const std::exception_ptr& thrown, Result<int> result) {
                   if (thrown) {
                     std::rethrow_exception(thrown);
                   }
                   outcome = std::move(result);
                   loop.stop();  // a cluster may still be pumping something
                 });
  loop.run();
  // What the command has let go of hangs up.
  loop.restart();
  for (int i = 0; i < kLastSteps && loop.poll_one() > 0; ++i) {
  }
  return outcome.value_or(fail(Code::kFailed, "the command ended without a result"));
}

}  // namespace

int run(const Work& work, int failed) {
  const auto paths = state::find_paths();
  Result<int> result =
      paths ? run_to_end(work, *paths) : Result<int>(tl::make_unexpected(paths.error()));
  if (result) {
    return *result;
  }
  note(result.error().message);
  return result.error().code == Code::kUsage ? 2 : failed;
}

Result<void> print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return fail_errno("cannot write to stdout");
  }
  return {};
}

void note(const std::string& text) {
  std::fprintf(stderr, "rdev: %s\n", ui::printable(text).c_str());
}

}  // namespace rdev::commands
