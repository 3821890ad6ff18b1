#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/commands/link_log.h"
#include "client/commands/log_output.h"

namespace rdev::commands {
namespace {

struct Options {
  std::string name;
  bool follow = false;
  bool link = false;
};

awaitable<Result<void>> read_job_log(Context& context, const state::JobRecord& record,
                                     cluster::Cluster::Follow follow,
                                     cluster::Cluster::LogSink sink) {
  const auto cluster = cluster_of(context, record);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  const cluster::JobRef ref = ref_of(record);
  co_return co_await (*cluster)->logs(ref, follow, std::move(sink));
}

awaitable<Result<int>> logs(Context& context, const Options& options) {
  const auto name = instance_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  co_await clean_up_crashed(context);
  const auto record =
      options.link ? state::load(context.paths, *name) : co_await find_job(context, *name);
  if (!record) {
    co_return tl::make_unexpected(record.error());
  }
  LogOutput output;
  const auto follow =
      options.follow ? cluster::Cluster::Follow::kYes : cluster::Cluster::Follow::kNo;
  auto read = options.link ? co_await read_link_log(
                                 state::background_files(context.paths, *name, "link").log, follow,
                                 output.sink())
                           : co_await read_job_log(context, *record, follow, output.sink());
  if (!read) {
    co_return tl::make_unexpected(read.error());
  }
  const auto written = output.written();
  co_return written ? Result<int>(0) : tl::make_unexpected(written.error());
}

}  // namespace

Run setup_logs(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job; by default that of the working directory");
  app.add_flag("-f,--follow", o->follow, "Go on until the job ends");
  app.add_flag("--link", o->link, "The log of the job's link on this machine instead");
  return [o] { return run([o](Context& context) { return logs(context, *o); }); };
}

}  // namespace rdev::commands
