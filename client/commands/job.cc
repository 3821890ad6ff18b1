#include "client/commands/job.h"

#include "client/commands/command.h"

namespace rdev::commands {

void add_job_choice(CLI::App& verb, JobChoice& choice) {
  verb.add_option("JOB", choice.job,
                  "NAME, or USER~NAME for another user's; a job of rdev up by the name it has here")
      ->required();
  verb.add_option("--cluster", choice.cluster, "Where it is");
}

Run setup_job(CLI::App& app, const std::vector<std::string>& rest) {
  app.require_subcommand(1);
  auto chosen = std::make_shared<Work>();
  add_job_run(app, chosen, rest);
  add_job_notebook(app, chosen);
  add_job_submit(app, chosen);
  add_job_list(app, chosen);
  add_job_status(app, chosen);
  add_job_logs(app, chosen);
  add_job_events(app, chosen);
  add_job_wait(app, chosen);
  add_job_stop(app, chosen);
  add_job_config(app, chosen);
  add_job_clone(app, chosen);
  add_job_open(app, chosen);
  return [&app, chosen, has_command = !rest.empty()] {
    if (has_command && !app.got_subcommand("run")) {
      note("only rdev job run takes a command after --");
      return 2;
    }
    return run(*chosen);
  };
}

}  // namespace rdev::commands
