#include <cstdio>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"

namespace rdev::commands {
namespace {

struct Options {
  std::string name;
  bool follow = false;
};

awaitable<Result<int>> logs(Context& context, const Options& options) {
  const auto name = job_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  co_await clean_up_crashed(context);
  const auto record = co_await find_job(context, *name);
  if (!record) {
    co_return tl::make_unexpected(record.error());
  }
  const auto cluster = cluster_of(context, *record);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  bool written = true;
  const cluster::Cluster::LogSink sink = [&written](std::string_view bytes) {
    written = written && std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() &&
              std::fflush(stdout) == 0;
  };
  const auto follow =
      options.follow ? cluster::Cluster::Follow::kYes : cluster::Cluster::Follow::kNo;
  const cluster::JobRef ref = ref_of(*record);
  if (auto read = co_await (*cluster)->logs(ref, follow, sink); !read) {
    co_return tl::make_unexpected(read.error());
  }
  if (!written) {
    co_return fail(Code::kFailed, "cannot write to stdout");
  }
  co_return 0;
}

}  // namespace

Run setup_logs(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job; by default that of the working directory");
  app.add_flag("-f,--follow", o->follow, "Go on until the job ends");
  return [o] { return run([o](Context& context) { return logs(context, *o); }); };
}

}  // namespace rdev::commands
