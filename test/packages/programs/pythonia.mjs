import { python } from 'pythonia';

const math = await python('math');
console.log(await math.gcd(12, 18));
python.exit();
