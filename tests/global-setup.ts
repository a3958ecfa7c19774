/** Prints what tests depend on, so that a result can be read without the machine. */
export default function setup(): void {
  const user = process.getuid?.() === 0 ? 'root' : 'not root';
  console.log(`node ${process.versions.node}, ${process.platform}-${process.arch}, ${user}`);
}
