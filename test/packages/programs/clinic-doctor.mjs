// The program's port arrives on FD 3, as for `clinic doctor --on-port`.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import Doctor from '@clinic/doctor';

writeFileSync(
  'server.cjs',
  `require('http').createServer().listen(0, function () { setTimeout(() => this.close(), 2000); });`,
);
const doctor = new Doctor({ detectPort: true, dest: path.resolve('data') });
doctor.on('port', (port, _process, done) => {
  console.log(port > 0 ? 'port' : 'no port');
  done();
});
doctor.collect([process.execPath, 'server.cjs'], error => {
  if (error) throw error;
  // Without its remark that the program was too short for a profile.
  process.exit();
});
