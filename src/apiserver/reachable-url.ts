/** "All addresses" is none that a client could use, or that a certificate could name: this machine has loopback. */
export function reachableUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
